"""The SMTP dialogue: commands, replies, pipelining, the transcript."""
