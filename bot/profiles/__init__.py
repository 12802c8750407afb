"""The rules of email profiles, in plain Python: no Slack, no SQL, no sockets."""
