"""The rows of advice, by what they are about."""
