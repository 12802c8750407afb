"""Log, metrics, traces: what an operator sees of the running bot."""
