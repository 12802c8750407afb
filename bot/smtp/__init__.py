"""SMTP: the guard, the staged connection test and its advice; knows no Slack and no storage."""
