"""The store seam: ``base`` holds the Protocol, each other module one implementation."""
