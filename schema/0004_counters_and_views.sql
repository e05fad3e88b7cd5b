-- 0004: counters that the database keeps true by itself, and views that make the bare file pleasant to read.

CREATE TRIGGER messages_count_ai AFTER INSERT ON messages WHEN new.role IN ('user', 'assistant')
BEGIN
  UPDATE sessions SET message_count = message_count + 1 WHERE id = new.session_id;
END;

CREATE TRIGGER messages_count_ad AFTER DELETE ON messages WHEN old.role IN ('user', 'assistant')
BEGIN
  UPDATE sessions SET message_count = message_count - 1 WHERE id = old.session_id;
END;

CREATE TRIGGER messages_count_au AFTER UPDATE OF role, session_id ON messages
BEGIN
  UPDATE sessions SET message_count = message_count - 1
  WHERE id = old.session_id AND old.role IN ('user', 'assistant');
  UPDATE sessions SET message_count = message_count + 1
  WHERE id = new.session_id AND new.role IN ('user', 'assistant');
END;

CREATE TRIGGER messages_activity_ai AFTER INSERT ON messages
WHEN new.created_at > (SELECT last_active_at FROM sessions WHERE id = new.session_id)
BEGIN
  UPDATE sessions SET last_active_at = new.created_at WHERE id = new.session_id;
END;

CREATE TRIGGER tool_calls_count_ai AFTER INSERT ON tool_calls
BEGIN
  UPDATE sessions SET tool_call_count = tool_call_count + 1 WHERE id = new.session_id;
END;

CREATE TRIGGER tool_calls_count_ad AFTER DELETE ON tool_calls
BEGIN
  UPDATE sessions SET tool_call_count = tool_call_count - 1 WHERE id = old.session_id;
END;

CREATE TRIGGER tool_calls_count_au AFTER UPDATE OF session_id ON tool_calls
BEGIN
  UPDATE sessions SET tool_call_count = tool_call_count - 1 WHERE id = old.session_id;
  UPDATE sessions SET tool_call_count = tool_call_count + 1 WHERE id = new.session_id;
END;

-- A session with the names behind its keys, and its tokens in sum.
CREATE VIEW session_overview AS
SELECT
  s.id, s.title, s.agent, p.name AS project, c.platform, m.name AS model, s.started_at, s.last_active_at, s.ended_at,
  s.end_reason, s.message_count, s.tool_call_count,
  (SELECT sum(t.input) FROM token_counts AS t WHERE t.session_id = s.id) AS input_tokens,
  (SELECT sum(t.cache_read) FROM token_counts AS t WHERE t.session_id = s.id) AS cache_read_tokens,
  (SELECT sum(t.cache_write) FROM token_counts AS t WHERE t.session_id = s.id) AS cache_write_tokens,
  (SELECT sum(t.output) FROM token_counts AS t WHERE t.session_id = s.id) AS output_tokens
FROM sessions AS s
LEFT JOIN projects AS p ON p.id = s.project_id
LEFT JOIN channels AS c ON c.id = s.channel_id
LEFT JOIN models AS m ON m.id = s.model_id;

-- Messages and tool answers in their order, as text.
CREATE VIEW transcript AS
SELECT
  m.session_id, m.seq, m.role, t.name AS tool, t.arguments, coalesce(m.content, t.result) AS text, m.created_at, m.id AS message_id
FROM messages AS m
LEFT JOIN tool_calls AS t ON t.result_message_id = m.id;

-- Tokens by UTC day and agent.
CREATE VIEW daily_tokens AS
SELECT
  substr(coalesce(t.counted_at, s.last_active_at), 1, 10) AS day, s.agent,
  sum(t.input) AS input, sum(t.cache_read) AS cache_read, sum(t.cache_write) AS cache_write,
  sum(t.output) AS output, sum(t.reasoning) AS reasoning, sum(t.cost_microdollars) AS cost_microdollars,
  count(*) AS responses
FROM token_counts AS t
JOIN sessions AS s ON s.id = t.session_id
GROUP BY 1, 2;

-- Tokens by model.
CREATE VIEW model_tokens AS
SELECT
  coalesce(m.name, 'unknown') AS model,
  sum(t.input) AS input, sum(t.cache_read) AS cache_read, sum(t.cache_write) AS cache_write,
  sum(t.output) AS output, sum(t.reasoning) AS reasoning, sum(t.cost_microdollars) AS cost_microdollars,
  count(*) AS responses
FROM token_counts AS t
LEFT JOIN models AS m ON m.id = t.model_id
GROUP BY 1;

-- What is still to be done, the most urgent first.
CREATE VIEW open_followups AS
SELECT n.id, n.body, n.due_at, n.assignee, p.name AS project, n.session_id, n.created_at
FROM notes AS n
LEFT JOIN projects AS p ON p.id = n.project_id
WHERE n.kind = 'followup' AND n.resolved_at IS NULL
ORDER BY n.due_at IS NULL, n.due_at, n.created_at;
