"""Finds the settings for an address: in workspace defaults, the table of providers, DNS and published documents."""
