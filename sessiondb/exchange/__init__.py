"""Databases to files and to each other: export, merge, redaction."""
