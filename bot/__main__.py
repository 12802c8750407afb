"""`python -m bot` is `email-profile-bot`."""

from bot.cli import main

main()
