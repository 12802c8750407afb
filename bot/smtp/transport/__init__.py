"""Connections to the servers of people's accounts, through which letters leave."""
