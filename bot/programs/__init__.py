"""Programs that send with people's profiles: what they are told, and how they come in."""
