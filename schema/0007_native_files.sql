-- 0007: what was written in an agent's own format is known when it comes back, with what the agent has added to it.

-- Files in an agent's own format that hold a conversation from here, so that the agent can go on with it. session_id is
-- the session that such a file is to its agent, which may not be here yet. source_id is the session whose conversation
-- it holds, up to the message last_seq: the same one, or the one that it continues. ids are the names under which an
-- import of the file finds its messages and the answers of tools. first_id is that of its first prompt, where the agent
-- makes a session under another id of such a file.
CREATE TABLE native_files (
  id INTEGER PRIMARY KEY,
  session_id TEXT NOT NULL,
  source_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  last_seq INTEGER NOT NULL,
  agent TEXT NOT NULL,
  native_id TEXT NOT NULL,
  path TEXT NOT NULL,
  first_id TEXT,
  ids TEXT NOT NULL CHECK (json_valid(ids)),
  written_at TEXT NOT NULL CHECK (written_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;

CREATE INDEX idx_native_files_session_id ON native_files (session_id);
CREATE INDEX idx_native_files_source_id ON native_files (source_id);
