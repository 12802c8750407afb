"""The workspaces that the bot serves: one, or many through OAuth; their tokens and their users."""
