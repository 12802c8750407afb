"""Storage: speaks SQL and seals records; knows nothing of the bot."""
