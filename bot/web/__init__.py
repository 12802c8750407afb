"""The room that speaks HTML: the private password page, and nothing else."""
