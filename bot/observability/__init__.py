"""Log, metrics and traces: what an operator sees of the running bot."""
