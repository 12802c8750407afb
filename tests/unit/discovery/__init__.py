"""Finding the settings for an address, without a network."""
