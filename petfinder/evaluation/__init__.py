"""TODO petfinder/evaluation."""
