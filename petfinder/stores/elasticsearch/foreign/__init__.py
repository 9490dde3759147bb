"""TODO petfinder/stores/elasticsearch/foreign."""
