"""Tokens of programs: each lets one program send with one person's profile, and do nothing else."""
