"""What operators run: key rotation, verification, copies, backups."""
