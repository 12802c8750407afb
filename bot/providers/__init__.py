"""What is known of mail providers: data alone, which SMTP, discovery and OAuth read."""
