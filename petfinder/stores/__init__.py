"""Where indexes live. `base` says what a store must offer. May use the domain."""
