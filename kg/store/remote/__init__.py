"""Any SPARQL 1.1 server: one implementation of the seam, and what puts graphs there."""
