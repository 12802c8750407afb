"""Settings that are found from an address."""
