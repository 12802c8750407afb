"""The command `sendmail`: what cron, PHP and others hand to it goes to the send API. It starts without the bot."""
