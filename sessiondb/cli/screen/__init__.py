"""A session on a terminal: wrapped at its width, Markdown rendered, tool calls in words, what is long folded."""
