"""TODO petfinder/display/figures."""
