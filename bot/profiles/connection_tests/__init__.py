"""Connection tests: of one profile, of many, and their limits."""
