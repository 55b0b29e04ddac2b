"""The store seam: ``base`` holds the Protocol, each folder but ``planning`` one implementation."""
