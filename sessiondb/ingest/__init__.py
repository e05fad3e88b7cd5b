"""An import run: find the logs, read them, write them, note how far."""
