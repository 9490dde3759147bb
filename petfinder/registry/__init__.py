"""TODO petfinder/registry."""
