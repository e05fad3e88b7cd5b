"""Write sessions that come from elsewhere, as a union with what is stored: imports and merges."""
