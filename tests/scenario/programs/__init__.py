"""Scenarios of programs that send with people's profiles."""
