"""How a release goes elsewhere: to other places, and into engines of others."""
