"""Reads the index of a release: names, quotes and facets. It may import neither release nor webapp."""
