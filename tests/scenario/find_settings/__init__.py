"""Finding the settings for an address."""
