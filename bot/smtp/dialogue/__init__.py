"""The SMTP conversation: commands, replies, capabilities, the transcript."""
