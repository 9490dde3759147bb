"""TODO petfinder/tables."""
