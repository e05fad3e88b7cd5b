"""Sessions that share messages: whose they are, and how they change hands."""
