"""A stand-in for a Slack workspace: what people do, what Slack sends, and what it takes."""
