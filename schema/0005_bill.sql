-- 0005: what a bill needs beside the tokens. Providers charge by how long the cache keeps what it took, by tier, speed
-- and region, and for searches of their own; people ask what a branch has cost. Agents delete their logs after some
-- weeks, so it is kept when a log is read. A log that is still there fills the rows of earlier imports.

-- Of `cache_write`: what the cache keeps for five minutes, for an hour and for twelve.
ALTER TABLE token_counts ADD COLUMN cache_write_5m INTEGER;
ALTER TABLE token_counts ADD COLUMN cache_write_1h INTEGER;
ALTER TABLE token_counts ADD COLUMN cache_write_12h INTEGER;

-- How the answer was made: standard, batch, flex or priority; standard or fast; and where.
ALTER TABLE token_counts ADD COLUMN service_tier TEXT;
ALTER TABLE token_counts ADD COLUMN speed TEXT;
ALTER TABLE token_counts ADD COLUMN inference_geo TEXT;

-- How often the provider searched the web for it, and used other tools of its own, as JSON: {"web_fetch": 2}.
ALTER TABLE token_counts ADD COLUMN web_searches INTEGER;
ALTER TABLE token_counts ADD COLUMN server_tools TEXT CHECK (server_tools IS NULL OR json_valid(server_tools));

-- What was checked out in the project's folder at that time.
ALTER TABLE token_counts ADD COLUMN git_branch TEXT;
ALTER TABLE token_counts ADD COLUMN git_commit TEXT;

CREATE INDEX idx_token_counts_counted_at ON token_counts (counted_at);

DROP VIEW daily_tokens;
DROP VIEW model_tokens;

-- Tokens by UTC day and agent.
CREATE VIEW daily_tokens AS
SELECT
  substr(coalesce(t.counted_at, s.last_active_at), 1, 10) AS day, s.agent,
  sum(t.input) AS input, sum(t.cache_read) AS cache_read, sum(t.cache_write) AS cache_write,
  sum(t.output) AS output, sum(t.reasoning) AS reasoning, sum(t.cost_microdollars) AS cost_microdollars,
  count(*) AS responses,
  sum(t.cache_write_5m) AS cache_write_5m, sum(t.cache_write_1h) AS cache_write_1h, sum(t.web_searches) AS web_searches
FROM token_counts AS t
JOIN sessions AS s ON s.id = t.session_id
GROUP BY 1, 2;

-- Tokens by model.
CREATE VIEW model_tokens AS
SELECT
  coalesce(m.name, 'unknown') AS model,
  sum(t.input) AS input, sum(t.cache_read) AS cache_read, sum(t.cache_write) AS cache_write,
  sum(t.output) AS output, sum(t.reasoning) AS reasoning, sum(t.cost_microdollars) AS cost_microdollars,
  count(*) AS responses,
  sum(t.cache_write_5m) AS cache_write_5m, sum(t.cache_write_1h) AS cache_write_1h, sum(t.web_searches) AS web_searches
FROM token_counts AS t
LEFT JOIN models AS m ON m.id = t.model_id
GROUP BY 1;
