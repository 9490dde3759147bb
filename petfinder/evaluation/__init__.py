"""How good an encoder is at finding pets, and the thresholds that follow. May use the registry and all below it."""
