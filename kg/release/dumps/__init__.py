"""The dumps of a release: sorted, packed, in all formats, and what of the last ones may be taken over."""
