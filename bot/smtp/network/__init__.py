"""The network: guarded addresses, name look-ups, connections, certificates."""
