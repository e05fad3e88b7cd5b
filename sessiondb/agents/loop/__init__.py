"""The way back into the agents: what a hook imports, and what it tells an agent's model."""
