"""The views: one module a kind of resource. Each view reads, and leaves the answer to ``webapp.responses``."""
