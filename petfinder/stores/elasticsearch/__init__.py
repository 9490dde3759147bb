"""TODO petfinder/stores/elasticsearch."""
