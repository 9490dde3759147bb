"""Stores: where indexes live. `port` says what one must offer."""
