"""Sessions: their rows, what is set on them later, the filter that chooses them, and the names it may give."""
