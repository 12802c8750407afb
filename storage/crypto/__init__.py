"""The keys: sealing and opening records, and checking the keys against what they sealed."""
