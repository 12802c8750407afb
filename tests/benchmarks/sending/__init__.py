"""What it costs to send through the bot, beside other programs that stand between a program and its provider."""
