"""Sessions for agent frameworks, over the same file.

Each module needs its framework only when it is imported or used.
"""
