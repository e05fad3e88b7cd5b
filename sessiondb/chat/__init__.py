"""The shapes of chat messages: the providers' content blocks, on their way in and out."""
