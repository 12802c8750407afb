"""What is common to all listeners, in the order in which a request goes through it."""
