"""What runs without a request: housekeeping, the sync of users, Home tabs."""
