"""Checks of the sources: evidence, terms, shapes.

May import ``kg.model``, ``kg.sources``, ``kg.publication`` and ``kg.dataset``; knows no release, no HTTP, and
no store but one in which it looks things up itself.
"""
