"""Checks of the sources: evidence, terms, shapes.

May import ``kg.model``, ``kg.sources`` and ``kg.publication``; knows no store, no release and no HTTP.
"""
