"""The Web API: its clients, its errors, and how its calls fare."""
