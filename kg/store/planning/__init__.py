"""What is known of a query before it is asked: how it is written to be quick, and what it can cost."""
