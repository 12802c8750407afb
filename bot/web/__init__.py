"""The bot's own web pages: the private password page."""
