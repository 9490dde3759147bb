"""Indexes on Elasticsearch that another program made, described by a mapping of field names."""
