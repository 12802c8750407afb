"""SMTP as a client: the guard, the staged connection test, its advice; knows no Slack and no storage."""
