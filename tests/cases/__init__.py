"""Cases from the field: mail servers as people met them, and what the bot is to say of each. See README.md here."""
