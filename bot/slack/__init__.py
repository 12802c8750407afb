"""The room that speaks Slack: listeners that parse, acknowledge, call a rule and render."""
