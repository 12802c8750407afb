"""The tables: one file each, used inside a transaction."""
