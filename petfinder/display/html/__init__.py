"""TODO petfinder/display/html."""
