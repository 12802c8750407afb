"""The connection test: its stages, how failures are classified, its report."""
