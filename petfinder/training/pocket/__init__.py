"""TODO petfinder/training/pocket."""
