"""The bot: email profiles in Slack, sealed, and really tested against their mail servers."""
