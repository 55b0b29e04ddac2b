"""pyoxigraph in a pool of warm processes: one implementation of the seam."""
