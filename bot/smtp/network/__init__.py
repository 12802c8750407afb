"""The network: which addresses may be reached, name look-ups, connections, certificates."""
