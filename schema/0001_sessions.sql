-- 0001: the first schema. Sessions, what was said in them, what it cost, what the next session must know,
-- where each row came from, and the indexes that make all of it searchable.
--
-- Timestamps are UTC ISO 8601 text of fixed width: 2026-03-01T09:15:23.123Z. NULL means unknown, 0 means zero.
-- The order inside a session is messages.seq, never a timestamp.

-- Facts about this file, such as its own random id (database_id), by key.
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The programs that hold the conversations: claude-code, codex, hermes, nanobot, your own.
CREATE TABLE agents (
  name TEXT PRIMARY KEY
) STRICT;

-- The folders (or named undertakings) that sessions work on.
CREATE TABLE projects (
  id INTEGER PRIMARY KEY,
  path TEXT UNIQUE,
  name TEXT NOT NULL
) STRICT;

-- The language models that answered.
CREATE TABLE models (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- The places messages come from: a chat, group or thread on a platform. The name describes it in a few words.
CREATE TABLE channels (
  id INTEGER PRIMARY KEY,
  platform TEXT NOT NULL,
  chat_type TEXT,
  chat_id TEXT,
  chat_name TEXT,
  user_id TEXT,
  user_name TEXT,
  thread_id TEXT,
  name TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX idx_channels_natural_key ON channels (
  platform, coalesce(chat_type, ''), coalesce(chat_id, ''), coalesce(thread_id, ''), coalesce(user_id, '')
);

-- One conversation of one agent, from its first message to its end.
CREATE TABLE sessions (
  id TEXT PRIMARY KEY NOT NULL,
  agent TEXT NOT NULL REFERENCES agents (name) ON DELETE RESTRICT,
  native_id TEXT,
  key TEXT,
  project_id INTEGER REFERENCES projects (id) ON DELETE SET NULL,
  channel_id INTEGER REFERENCES channels (id) ON DELETE SET NULL,
  parent_id TEXT REFERENCES sessions (id) ON DELETE SET NULL,
  relation TEXT CHECK (relation IN ('fork', 'subagent', 'continuation', 'reset')),
  title TEXT,
  title_source TEXT CHECK (title_source IN ('prompt', 'agent', 'user')),
  model_id INTEGER REFERENCES models (id) ON DELETE SET NULL,
  started_at TEXT NOT NULL CHECK (started_at GLOB '????-??-??T??:??:??.???Z'),
  last_active_at TEXT NOT NULL CHECK (last_active_at GLOB '????-??-??T??:??:??.???Z'),
  ended_at TEXT CHECK (ended_at GLOB '????-??-??T??:??:??.???Z'),
  end_reason TEXT,
  message_count INTEGER NOT NULL DEFAULT 0,
  tool_call_count INTEGER NOT NULL DEFAULT 0,
  consolidated INTEGER NOT NULL DEFAULT 0 CHECK (consolidated >= 0),
  pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  origin TEXT,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata))
) STRICT;

CREATE UNIQUE INDEX idx_sessions_open_key ON sessions (key) WHERE ended_at IS NULL AND key IS NOT NULL;
CREATE INDEX idx_sessions_key ON sessions (key) WHERE key IS NOT NULL;
CREATE INDEX idx_sessions_last_active_at ON sessions (last_active_at);
CREATE INDEX idx_sessions_agent ON sessions (agent, last_active_at);
CREATE INDEX idx_sessions_project_id ON sessions (project_id, last_active_at);
CREATE INDEX idx_sessions_channel_id ON sessions (channel_id);
CREATE INDEX idx_sessions_parent_id ON sessions (parent_id);
CREATE INDEX idx_sessions_native_id ON sessions (native_id);

-- What was said, in order; the text of a tool's answer is in tool_calls.result.
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
  content TEXT,
  reasoning TEXT,
  parts TEXT CHECK (parts IS NULL OR json_valid(parts)),
  external_id TEXT,
  model_id INTEGER REFERENCES models (id) ON DELETE SET NULL,
  finish_reason TEXT,
  created_at TEXT CHECK (created_at GLOB '????-??-??T??:??:??.???Z'),
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  UNIQUE (session_id, seq)
) STRICT;

CREATE INDEX idx_messages_external_id ON messages (external_id) WHERE external_id IS NOT NULL;

-- One row for each call of a tool, with its answer.
CREATE TABLE tool_calls (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  message_id INTEGER REFERENCES messages (id) ON DELETE CASCADE,
  result_message_id INTEGER REFERENCES messages (id) ON DELETE SET NULL,
  position INTEGER NOT NULL DEFAULT 0,
  call_id TEXT,
  name TEXT,
  arguments TEXT,
  result TEXT,
  is_error INTEGER CHECK (is_error IN (0, 1)),
  called_at TEXT CHECK (called_at GLOB '????-??-??T??:??:??.???Z'),
  returned_at TEXT CHECK (returned_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;

CREATE INDEX idx_tool_calls_session_id ON tool_calls (session_id, call_id);
CREATE INDEX idx_tool_calls_message_id ON tool_calls (message_id);
CREATE INDEX idx_tool_calls_result_message_id ON tool_calls (result_message_id);

-- One row for each answer of a model's API. The token buckets are disjoint, but reasoning is a part of output.
CREATE TABLE token_counts (
  id INTEGER PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  message_id INTEGER REFERENCES messages (id) ON DELETE SET NULL,
  model_id INTEGER REFERENCES models (id) ON DELETE SET NULL,
  input INTEGER,
  cache_read INTEGER,
  cache_write INTEGER,
  output INTEGER,
  reasoning INTEGER,
  cost_microdollars INTEGER,
  request_key TEXT,
  counted_at TEXT CHECK (counted_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;

CREATE UNIQUE INDEX idx_token_counts_request_key ON token_counts (request_key, session_id);
CREATE INDEX idx_token_counts_session_id ON token_counts (session_id);
CREATE INDEX idx_token_counts_message_id ON token_counts (message_id);

-- What the next session must know: decisions, failures, wins, follow-ups, questions, workstreams and summaries.
CREATE TABLE notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT REFERENCES sessions (id) ON DELETE CASCADE,
  project_id INTEGER REFERENCES projects (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('decision', 'failure', 'win', 'followup', 'question', 'workstream', 'summary')),
  body TEXT NOT NULL,
  context TEXT,
  resolution TEXT,
  author TEXT,
  assignee TEXT,
  due_at TEXT,
  resolved_at TEXT CHECK (resolved_at GLOB '????-??-??T??:??:??.???Z'),
  created_at TEXT NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;

CREATE INDEX idx_notes_session_id ON notes (session_id, kind);
CREATE INDEX idx_notes_project_id ON notes (project_id, kind);

-- A note's text in further languages, by language code.
CREATE TABLE note_translations (
  note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
  lang TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (note_id, lang)
) STRICT, WITHOUT ROWID;

-- Words that people put on sessions to find them again.
CREATE TABLE tags (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- Which session bears which tag.
CREATE TABLE session_tags (
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  PRIMARY KEY (session_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_session_tags_tag_id ON session_tags (tag_id);

-- The ledger of files read so far: how far each was read, and how it looked then.
CREATE TABLE imports (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  format TEXT,
  device INTEGER,
  inode INTEGER,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER,
  byte_offset INTEGER NOT NULL DEFAULT 0,
  lines INTEGER NOT NULL DEFAULT 0,
  head_digest TEXT,
  tail_digest TEXT,
  parser_version INTEGER NOT NULL,
  state TEXT CHECK (state IS NULL OR json_valid(state)),
  imported_at TEXT NOT NULL CHECK (imported_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;

-- Which sessions a file gave. It outlives the session, so session_id is no foreign key. Where several files hold one session
-- whose messages have no ids, authority says which of them to believe: the messages are those of the file with is_owner 1.
CREATE TABLE import_sessions (
  import_id INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  session_id TEXT NOT NULL,
  authority INTEGER,
  is_owner INTEGER NOT NULL DEFAULT 1 CHECK (is_owner IN (0, 1)),
  PRIMARY KEY (import_id, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_import_sessions_session_id ON import_sessions (session_id);

-- The lines of imported files that could not be read, and why.
CREATE TABLE import_errors (
  id INTEGER PRIMARY KEY,
  import_id INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  line INTEGER,
  byte_offset INTEGER,
  reason TEXT NOT NULL
) STRICT;

CREATE INDEX idx_import_errors_import_id ON import_errors (import_id);

-- Tombstones: sessions that were removed on purpose and that an import must not bring back.
CREATE TABLE deletions (
  session_id TEXT PRIMARY KEY NOT NULL,
  agent TEXT,
  native_id TEXT,
  title TEXT,
  reason TEXT NOT NULL,
  deleted_at TEXT NOT NULL CHECK (deleted_at GLOB '????-??-??T??:??:??.???Z')
) STRICT;
