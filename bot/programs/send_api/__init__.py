"""The send API: programs send by HTTP, with a token in place of a password."""
