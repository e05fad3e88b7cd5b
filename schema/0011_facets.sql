-- 0011: filters of a search that look at no row. A common word is in thousands of rows, each on a page of its own: to ask
-- them one by one whose they are takes longer than to find them. Which agent, project, model and role they are of is kept
-- in a byte a row. Derived data: what is missing here is asked of the rows themselves.

-- What rows have in common that filters ask for; model is the session's.
CREATE TABLE search_facets (
  id INTEGER PRIMARY KEY NOT NULL,
  agent TEXT NOT NULL,
  project_id INTEGER,
  model_id INTEGER,
  role TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The facets of 8192 rows that follow one another: block n begins with row 8192 * n. Each byte of rows is a place in the list
-- of facets, counted from 1; 0 is a row of which nothing is known. The last block ends where it did when it was written.
CREATE TABLE search_blocks (
  source TEXT NOT NULL CHECK (source IN ('message', 'tool_call')),
  block INTEGER NOT NULL CHECK (block >= 0),
  facets TEXT NOT NULL CHECK (json_valid(facets)),
  rows BLOB NOT NULL CHECK (length(rows) <= 8192),
  PRIMARY KEY (source, block)
) STRICT, WITHOUT ROWID;

-- A block with a row that became another's is removed, until the next import or `optimize` writes it anew.
CREATE TRIGGER search_blocks_messages_ai AFTER INSERT ON messages
WHEN new.id % 8192 < (SELECT length(rows) FROM search_blocks WHERE source = 'message' AND block = new.id / 8192)
BEGIN
  DELETE FROM search_blocks WHERE source = 'message' AND block = new.id / 8192;
END;

CREATE TRIGGER search_blocks_messages_au AFTER UPDATE OF id, session_id, role ON messages
WHEN old.id <> new.id OR old.session_id <> new.session_id OR old.role <> new.role
BEGIN
  DELETE FROM search_blocks WHERE source = 'message' AND block IN (old.id / 8192, new.id / 8192);
END;

CREATE TRIGGER search_blocks_tool_calls_ai AFTER INSERT ON tool_calls
WHEN new.id % 8192 < (SELECT length(rows) FROM search_blocks WHERE source = 'tool_call' AND block = new.id / 8192)
BEGIN
  DELETE FROM search_blocks WHERE source = 'tool_call' AND block = new.id / 8192;
END;

CREATE TRIGGER search_blocks_tool_calls_au AFTER UPDATE OF id, session_id ON tool_calls
WHEN old.id <> new.id OR old.session_id <> new.session_id
BEGIN
  DELETE FROM search_blocks WHERE source = 'tool_call' AND block IN (old.id / 8192, new.id / 8192);
END;

CREATE TRIGGER search_blocks_sessions_au AFTER UPDATE OF agent, project_id, model_id ON sessions
WHEN old.agent <> new.agent OR old.project_id IS NOT new.project_id OR old.model_id IS NOT new.model_id
BEGIN
  DELETE FROM search_blocks
  WHERE source = 'message' AND block IN (SELECT id / 8192 FROM messages WHERE session_id = new.id);
  DELETE FROM search_blocks
  WHERE source = 'tool_call' AND block IN (SELECT id / 8192 FROM tool_calls WHERE session_id = new.id);
END;
