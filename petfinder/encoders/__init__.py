"""Encoders: what turns pictures, and for some of them words, into embeddings. `port` says what one must offer."""
