"""The database in a browser: a plugin of Datasette with pages of its own, and how `sessiondb web` starts it.

`plugin` is what Datasette calls. It asks `site` which of its files is ours, and hands the request to `home`, `session`,
`search` or `usage`: each turns a database opened for reading into a `frame.Page`, in a thread of its own.
"""
