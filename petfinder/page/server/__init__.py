"""TODO petfinder/page/server."""
