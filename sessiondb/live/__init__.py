"""What a running agent calls: turns, histories, continuity notes, saved state."""
