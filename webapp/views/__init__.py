"""The views: one module a kind of resource. Each reads, and leaves the answer to ``webapp.responses``."""
