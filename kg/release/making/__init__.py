"""How a release is made: aside, and published by one atomic rename."""
