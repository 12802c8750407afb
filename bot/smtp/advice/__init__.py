"""What a report means, and what to change."""
