"""TODO petfinder/domain."""
