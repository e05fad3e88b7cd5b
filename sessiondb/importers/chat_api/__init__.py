"""Messages in the shapes of the chat APIs, which many formats store."""
