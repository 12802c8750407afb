"""One email profile: its fields, extra configurations, fixes and changes."""
