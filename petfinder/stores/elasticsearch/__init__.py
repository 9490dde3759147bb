"""The store on an Elasticsearch server or cluster. May use its client and the domain."""
