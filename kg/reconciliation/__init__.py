"""Matches the rows of a table to things of a release (Reconciliation Service API 0.2), and fetches values.

Asks the index for candidates and the store for values. It may not import release or webapp: it knows no HTTP.
"""
