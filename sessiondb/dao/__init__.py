"""The data access objects: one table or aggregate a file, and the only home of queries."""
