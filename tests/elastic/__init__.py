"""A real Elasticsearch for the tests, started from its jars, and a proxy in front of it that makes faults."""
