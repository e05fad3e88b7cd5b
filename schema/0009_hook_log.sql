-- 0009: what hooks have put before an agent's model, so that a person can see what it was told, and what it cost.

-- What a hook gave to an agent: in which of the agent's sessions (which may not be here yet), about which project, how
-- many tokens, and a digest of the text, by which the same is not said twice in one session. tokens is 0 where a hook has
-- imported and said nothing.
CREATE TABLE hook_log (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??.???Z'),
  agent TEXT NOT NULL,
  event TEXT NOT NULL,
  session_id TEXT,
  project TEXT,
  tokens INTEGER NOT NULL,
  digest TEXT
) STRICT;

CREATE INDEX idx_hook_log_session_id ON hook_log (session_id);
