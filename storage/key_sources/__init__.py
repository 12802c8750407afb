"""Root keys that are not written down in the clear: each is unwrapped by a key source when the program starts."""
