"""From pictures, and for some encoders words, to embeddings: `base` says what an encoder offers. May use the domain."""
