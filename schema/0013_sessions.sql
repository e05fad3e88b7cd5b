-- 0013: hits are grouped by session, and filtered by the tags of sessions, without a look at their rows. The blocks tell which
-- session a row is of, too. Derived data: the next import or `optimize` fills it.

DROP TRIGGER search_blocks_messages_ai;
DROP TRIGGER search_blocks_messages_au;
DROP TRIGGER search_blocks_tool_calls_ai;
DROP TRIGGER search_blocks_tool_calls_au;
DROP TRIGGER search_blocks_sessions_au;
DROP TABLE search_blocks;

-- One facet of 8192 rows that follow one another: block n begins with row 8192 * n. Each byte of rows is a place in the list
-- of meanings, counted from 1: for `origin` the id of agent, project, model and role in search_facets, for `tool` a name, for
-- `moment` a time, at which rows that were said before the next one begin. 0 is a row of which nothing is known. The last
-- block ends where it did when it was written. The rows of a session mostly follow one another: for `session`, whose meanings
-- are ids of sessions, each run of rows has four bytes, its place counted from 0, and its length (two bytes each, the low one
-- first).
CREATE TABLE search_blocks (
  source TEXT NOT NULL CHECK (source IN ('message', 'tool_call')),
  facet TEXT NOT NULL CHECK (facet IN ('origin', 'tool', 'moment', 'session')),
  block INTEGER NOT NULL CHECK (block >= 0),
  meanings TEXT NOT NULL CHECK (json_valid(meanings)),
  rows BLOB NOT NULL CHECK (length(rows) <= CASE facet WHEN 'session' THEN 32768 ELSE 8192 END),
  PRIMARY KEY (source, facet, block)
) STRICT, WITHOUT ROWID;

-- All facets of a block are written together, and with a row that became another's they are removed, until the next import
-- or `optimize` writes them anew.
CREATE TRIGGER search_blocks_messages_ai AFTER INSERT ON messages
WHEN new.id % 8192 < (
  SELECT length(rows) FROM search_blocks WHERE source = 'message' AND facet = 'origin' AND block = new.id / 8192
)
BEGIN
  DELETE FROM search_blocks
  WHERE source = 'message' AND facet IN ('origin', 'tool', 'moment', 'session') AND block = new.id / 8192;
END;

CREATE TRIGGER search_blocks_messages_au AFTER UPDATE OF id, session_id, role, created_at ON messages
WHEN old.id <> new.id OR old.session_id <> new.session_id OR old.role <> new.role
  OR old.created_at IS NOT new.created_at
BEGIN
  DELETE FROM search_blocks
  WHERE source = 'message' AND facet IN ('origin', 'tool', 'moment', 'session') AND block IN (old.id / 8192, new.id / 8192);
  DELETE FROM search_blocks
  WHERE source = 'tool_call' AND facet IN ('origin', 'tool', 'moment', 'session') AND block IN (
    SELECT id / 8192 FROM tool_calls WHERE message_id = new.id
    UNION SELECT id / 8192 FROM tool_calls WHERE result_message_id = new.id
  );
END;

CREATE TRIGGER search_blocks_tool_calls_ai AFTER INSERT ON tool_calls
WHEN new.id % 8192 < (
  SELECT length(rows) FROM search_blocks WHERE source = 'tool_call' AND facet = 'origin' AND block = new.id / 8192
)
BEGIN
  DELETE FROM search_blocks
  WHERE source = 'tool_call' AND facet IN ('origin', 'tool', 'moment', 'session') AND block = new.id / 8192;
END;

-- A call that is answered is said when its answer was: most are too new to be in a block.
CREATE TRIGGER search_blocks_tool_calls_au
AFTER UPDATE OF id, session_id, message_id, result_message_id, name ON tool_calls
WHEN (
  old.id <> new.id OR old.session_id <> new.session_id OR old.message_id IS NOT new.message_id
  OR old.result_message_id IS NOT new.result_message_id OR old.name IS NOT new.name
) AND (
  old.id <> new.id OR new.id % 8192 < (
    SELECT length(rows) FROM search_blocks WHERE source = 'tool_call' AND facet = 'origin' AND block = new.id / 8192
  )
)
BEGIN
  DELETE FROM search_blocks
  WHERE source = 'tool_call' AND facet IN ('origin', 'tool', 'moment', 'session') AND block IN (old.id / 8192, new.id / 8192);
END;

CREATE TRIGGER search_blocks_sessions_au AFTER UPDATE OF agent, project_id, model_id ON sessions
WHEN old.agent <> new.agent OR old.project_id IS NOT new.project_id OR old.model_id IS NOT new.model_id
BEGIN
  DELETE FROM search_blocks
  WHERE source = 'message' AND facet IN ('origin', 'tool', 'moment', 'session')
    AND block IN (SELECT id / 8192 FROM messages WHERE session_id = new.id);
  DELETE FROM search_blocks
  WHERE source = 'tool_call' AND facet IN ('origin', 'tool', 'moment', 'session')
    AND block IN (SELECT id / 8192 FROM tool_calls WHERE session_id = new.id);
END;
