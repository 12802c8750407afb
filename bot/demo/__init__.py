"""The demo: a local stand-in for a Slack workspace, and a local mail server. The tests drive the same two."""
