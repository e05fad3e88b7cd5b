"""The SQL of search: queries, filters, and the indexes as derived data."""
