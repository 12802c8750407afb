"""SQLite and PostgreSQL: engines, and what it means when a database is unavailable."""
