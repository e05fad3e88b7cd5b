"""Reports of what was used: from token counts to a bill."""
