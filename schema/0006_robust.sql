-- 0006: what is damaged or out of range stops nothing. The index of prepared texts can be put aside like the others, and
-- sums over token counts end at the greatest integer where they would overflow: one odd row must not hide all the rest.

INSERT INTO search_state (index_name) VALUES ('search_segments_fts');

DROP TRIGGER search_segments_ai;
DROP TRIGGER search_segments_ad;
DROP TRIGGER search_segments_au;

CREATE TRIGGER search_segments_ai AFTER INSERT ON search_segments
WHEN new.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'search_segments_fts')
BEGIN
  INSERT INTO search_segments_fts (rowid, content) VALUES (new.id, new.content);
END;

CREATE TRIGGER search_segments_ad AFTER DELETE ON search_segments
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'search_segments_fts')
BEGIN
  INSERT INTO search_segments_fts (search_segments_fts, rowid, content) VALUES ('delete', old.id, old.content);
END;

CREATE TRIGGER search_segments_au AFTER UPDATE OF content ON search_segments
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'search_segments_fts')
BEGIN
  INSERT INTO search_segments_fts (search_segments_fts, rowid, content) VALUES ('delete', old.id, old.content);
  INSERT INTO search_segments_fts (rowid, content) VALUES (new.id, new.content);
END;

DROP VIEW session_overview;
DROP VIEW daily_tokens;
DROP VIEW model_tokens;

-- total() adds in floating point, which is exact up to 2^53, and never overflows.

-- A session with the names behind its keys, and its tokens in sum.
CREATE VIEW session_overview AS
SELECT
  s.id, s.title, s.agent, p.name AS project, c.platform, m.name AS model, s.started_at, s.last_active_at, s.ended_at,
  s.end_reason, s.message_count, s.tool_call_count,
  (SELECT CASE WHEN count(t.input) THEN CAST(total(t.input) AS INTEGER) END
   FROM token_counts AS t WHERE t.session_id = s.id) AS input_tokens,
  (SELECT CASE WHEN count(t.cache_read) THEN CAST(total(t.cache_read) AS INTEGER) END
   FROM token_counts AS t WHERE t.session_id = s.id) AS cache_read_tokens,
  (SELECT CASE WHEN count(t.cache_write) THEN CAST(total(t.cache_write) AS INTEGER) END
   FROM token_counts AS t WHERE t.session_id = s.id) AS cache_write_tokens,
  (SELECT CASE WHEN count(t.output) THEN CAST(total(t.output) AS INTEGER) END
   FROM token_counts AS t WHERE t.session_id = s.id) AS output_tokens
FROM sessions AS s
LEFT JOIN projects AS p ON p.id = s.project_id
LEFT JOIN channels AS c ON c.id = s.channel_id
LEFT JOIN models AS m ON m.id = s.model_id;

-- Tokens by UTC day and agent.
CREATE VIEW daily_tokens AS
SELECT
  substr(coalesce(t.counted_at, s.last_active_at), 1, 10) AS day, s.agent,
  CASE WHEN count(t.input) THEN CAST(total(t.input) AS INTEGER) END AS input,
  CASE WHEN count(t.cache_read) THEN CAST(total(t.cache_read) AS INTEGER) END AS cache_read,
  CASE WHEN count(t.cache_write) THEN CAST(total(t.cache_write) AS INTEGER) END AS cache_write,
  CASE WHEN count(t.output) THEN CAST(total(t.output) AS INTEGER) END AS output,
  CASE WHEN count(t.reasoning) THEN CAST(total(t.reasoning) AS INTEGER) END AS reasoning,
  CASE WHEN count(t.cost_microdollars) THEN CAST(total(t.cost_microdollars) AS INTEGER) END AS cost_microdollars,
  count(*) AS responses,
  CASE WHEN count(t.cache_write_5m) THEN CAST(total(t.cache_write_5m) AS INTEGER) END AS cache_write_5m,
  CASE WHEN count(t.cache_write_1h) THEN CAST(total(t.cache_write_1h) AS INTEGER) END AS cache_write_1h,
  CASE WHEN count(t.web_searches) THEN CAST(total(t.web_searches) AS INTEGER) END AS web_searches
FROM token_counts AS t
JOIN sessions AS s ON s.id = t.session_id
GROUP BY 1, 2;

-- Tokens by model.
CREATE VIEW model_tokens AS
SELECT
  coalesce(m.name, 'unknown') AS model,
  CASE WHEN count(t.input) THEN CAST(total(t.input) AS INTEGER) END AS input,
  CASE WHEN count(t.cache_read) THEN CAST(total(t.cache_read) AS INTEGER) END AS cache_read,
  CASE WHEN count(t.cache_write) THEN CAST(total(t.cache_write) AS INTEGER) END AS cache_write,
  CASE WHEN count(t.output) THEN CAST(total(t.output) AS INTEGER) END AS output,
  CASE WHEN count(t.reasoning) THEN CAST(total(t.reasoning) AS INTEGER) END AS reasoning,
  CASE WHEN count(t.cost_microdollars) THEN CAST(total(t.cost_microdollars) AS INTEGER) END AS cost_microdollars,
  count(*) AS responses,
  CASE WHEN count(t.cache_write_5m) THEN CAST(total(t.cache_write_5m) AS INTEGER) END AS cache_write_5m,
  CASE WHEN count(t.cache_write_1h) THEN CAST(total(t.cache_write_1h) AS INTEGER) END AS cache_write_1h,
  CASE WHEN count(t.web_searches) THEN CAST(total(t.web_searches) AS INTEGER) END AS web_searches
FROM token_counts AS t
LEFT JOIN models AS m ON m.id = t.model_id
GROUP BY 1;
