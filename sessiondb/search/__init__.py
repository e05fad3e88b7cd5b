"""From what a person typed to the sessions that are meant."""
