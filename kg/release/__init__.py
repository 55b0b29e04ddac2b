"""Releases: immutable folders made from the sources, published by one atomic rename."""
