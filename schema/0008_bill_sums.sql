-- 0008: a bill adds up all responses. In the order of this index those of one price come one after another, so that
-- nothing must be sorted; it stands in the place of the index by session, which it begins with.

DROP INDEX idx_token_counts_session_id;

CREATE INDEX idx_token_counts_session_hour ON token_counts (
  session_id, substr(counted_at, 1, 13), model_id, service_tier, speed, inference_geo, cost_microdollars IS NOT NULL,
  git_branch
);
