-- 0002: full-text search. Every index is derived from its table, kept true by triggers in the same transaction, and can be
-- rebuilt at any time. Talk and tool output are indexed apart, for tool output is most of the text.

-- Which rows an index does not hold yet: those from pending_from on. NULL: it holds all. 0: it must be rebuilt.
-- A bulk load sets this, writes its rows past the triggers, and lets the index catch up in one statement.
CREATE TABLE search_state (
  index_name TEXT PRIMARY KEY,
  pending_from INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO search_state (index_name) VALUES ('messages_fts'), ('tool_calls_fts'), ('notes_fts'), ('sessions_fts');

CREATE VIRTUAL TABLE messages_fts USING fts5 (
  content,
  content="messages", content_rowid="id", tokenize="porter unicode61 remove_diacritics 2"
);

CREATE VIRTUAL TABLE tool_calls_fts USING fts5 (
  name, arguments, result,
  content="tool_calls", content_rowid="id", tokenize="unicode61 remove_diacritics 2"
);

CREATE VIRTUAL TABLE notes_fts USING fts5 (
  body, context, resolution,
  content="notes", content_rowid="id", tokenize="porter unicode61 remove_diacritics 2"
);

CREATE VIRTUAL TABLE sessions_fts USING fts5 (
  title,
  content="sessions", tokenize="porter unicode61 remove_diacritics 2"
);

CREATE TRIGGER messages_ai AFTER INSERT ON messages
WHEN (SELECT pending_from FROM search_state WHERE index_name = 'messages_fts') IS NULL
BEGIN
  INSERT INTO messages_fts (rowid, content) VALUES (new.id, new.content);
END;

CREATE TRIGGER messages_ad AFTER DELETE ON messages
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'messages_fts')
BEGIN
  INSERT INTO messages_fts (messages_fts, rowid, content) VALUES ('delete', old.id, old.content);
END;

CREATE TRIGGER messages_au AFTER UPDATE OF content ON messages
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'messages_fts')
BEGIN
  INSERT INTO messages_fts (messages_fts, rowid, content) VALUES ('delete', old.id, old.content);
  INSERT INTO messages_fts (rowid, content) VALUES (new.id, new.content);
END;

CREATE TRIGGER tool_calls_ai AFTER INSERT ON tool_calls
WHEN (SELECT pending_from FROM search_state WHERE index_name = 'tool_calls_fts') IS NULL
BEGIN
  INSERT INTO tool_calls_fts (rowid, name, arguments, result) VALUES (new.id, new.name, new.arguments, new.result);
END;

CREATE TRIGGER tool_calls_ad AFTER DELETE ON tool_calls
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'tool_calls_fts')
BEGIN
  INSERT INTO tool_calls_fts (tool_calls_fts, rowid, name, arguments, result) VALUES ('delete', old.id, old.name, old.arguments, old.result);
END;

CREATE TRIGGER tool_calls_au AFTER UPDATE OF name, arguments, result ON tool_calls
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'tool_calls_fts')
BEGIN
  INSERT INTO tool_calls_fts (tool_calls_fts, rowid, name, arguments, result) VALUES ('delete', old.id, old.name, old.arguments, old.result);
  INSERT INTO tool_calls_fts (rowid, name, arguments, result) VALUES (new.id, new.name, new.arguments, new.result);
END;

CREATE TRIGGER notes_ai AFTER INSERT ON notes
WHEN (SELECT pending_from FROM search_state WHERE index_name = 'notes_fts') IS NULL
BEGIN
  INSERT INTO notes_fts (rowid, body, context, resolution) VALUES (new.id, new.body, new.context, new.resolution);
END;

CREATE TRIGGER notes_ad AFTER DELETE ON notes
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'notes_fts')
BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, body, context, resolution) VALUES ('delete', old.id, old.body, old.context, old.resolution);
END;

CREATE TRIGGER notes_au AFTER UPDATE OF body, context, resolution ON notes
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'notes_fts')
BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, body, context, resolution) VALUES ('delete', old.id, old.body, old.context, old.resolution);
  INSERT INTO notes_fts (rowid, body, context, resolution) VALUES (new.id, new.body, new.context, new.resolution);
END;

CREATE TRIGGER sessions_ai AFTER INSERT ON sessions
WHEN (SELECT pending_from FROM search_state WHERE index_name = 'sessions_fts') IS NULL
BEGIN
  INSERT INTO sessions_fts (rowid, title) VALUES (new.rowid, new.title);
END;

CREATE TRIGGER sessions_ad AFTER DELETE ON sessions
WHEN old.rowid < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'sessions_fts')
BEGIN
  INSERT INTO sessions_fts (sessions_fts, rowid, title) VALUES ('delete', old.rowid, old.title);
END;

CREATE TRIGGER sessions_au AFTER UPDATE OF title ON sessions
WHEN old.rowid < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'sessions_fts')
BEGIN
  INSERT INTO sessions_fts (sessions_fts, rowid, title) VALUES ('delete', old.rowid, old.title);
  INSERT INTO sessions_fts (rowid, title) VALUES (new.rowid, new.title);
END;

-- Merge segments seldom and in small steps: at FTS5's own settings, an append after a large import can stall for seconds.
INSERT INTO messages_fts (messages_fts, rank) VALUES ('automerge', 16), ('crisismerge', 1000);
INSERT INTO tool_calls_fts (tool_calls_fts, rank) VALUES ('automerge', 16), ('crisismerge', 1000);
INSERT INTO notes_fts (notes_fts, rank) VALUES ('automerge', 16), ('crisismerge', 1000);
INSERT INTO sessions_fts (sessions_fts, rank) VALUES ('automerge', 16), ('crisismerge', 1000);
