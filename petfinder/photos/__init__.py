"""TODO petfinder/photos."""
