"""Article KG: the facts of news articles as linked data, each with the sentence it comes from."""

__version__ = "0.1.0"
