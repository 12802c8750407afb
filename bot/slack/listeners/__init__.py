"""One feature a file: each listener calls a rule, renders a view, and answers."""
