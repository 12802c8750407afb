"""Pure functions: data in, typed Block Kit out; one file a feature; all text is escaped here."""
