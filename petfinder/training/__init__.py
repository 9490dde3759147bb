"""Tuning an encoder on one's own pets; in `pocket/` how the built-in one is made. May use evaluation and all below."""
