"""What is secret or personal in a text, and the text without it."""
