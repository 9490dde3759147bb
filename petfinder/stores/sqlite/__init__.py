"""TODO petfinder/stores/sqlite."""
