"""Questions that many people ask, as SQL with names, for a browser of SQLite files."""

from __future__ import annotations

from typing import NamedTuple


class CannedQuery(NamedTuple):
    """A query that has a name; `:name` in it is what a person fills in."""

    title: str
    description: str
    sql: str


CANNED_QUERIES = {
    "tokens_by_month": CannedQuery(
        "Tokens by month",
        "Tokens of each month (UTC) and model.",
        """\
SELECT substr(coalesce(t.counted_at, s.last_active_at), 1, 7) AS month, m.name AS model, count(*) AS responses,
  CAST(total(t.input) AS INTEGER) AS input, CAST(total(t.cache_read) AS INTEGER) AS cache_read,
  CAST(total(t.cache_write) AS INTEGER) AS cache_write, CAST(total(t.output) AS INTEGER) AS output
FROM token_counts AS t
JOIN sessions AS s ON s.id = t.session_id
LEFT JOIN models AS m ON m.id = t.model_id
GROUP BY 1, 2
ORDER BY 1 DESC, 7 DESC""",
    ),
    "longest_sessions": CannedQuery(
        "Longest sessions",
        "Sessions with the most messages.",
        """\
SELECT s.id AS session_id, s.title, s.agent, p.name AS project, s.message_count, s.tool_call_count, s.last_active_at
FROM sessions AS s
LEFT JOIN projects AS p ON p.id = s.project_id
ORDER BY s.message_count DESC
LIMIT 100""",
    ),
    "tool_errors": CannedQuery(
        "Tool errors",
        "Calls of tools that failed, the latest first.",
        """\
SELECT t.session_id, t.name AS tool, t.arguments, t.result, coalesce(t.called_at, s.last_active_at) AS at
FROM tool_calls AS t
JOIN sessions AS s ON s.id = t.session_id
WHERE t.is_error = 1
ORDER BY at DESC
LIMIT 200""",
    ),
    "open_followups": CannedQuery(
        "Open follow-ups",
        "What is still to be done, the most urgent first.",
        "SELECT body, due_at, assignee, project, session_id, created_at FROM open_followups",
    ),
    "sessions_of_a_file": CannedQuery(
        "Sessions of a file",
        "Sessions whose tool calls name a file: give its path, or the end of it.",
        """\
SELECT s.id AS session_id, s.title, s.agent, count(*) AS tool_calls, s.last_active_at
FROM tool_calls AS t
JOIN sessions AS s ON s.id = t.session_id
WHERE :path <> '' AND instr(t.arguments, :path)
GROUP BY s.id
ORDER BY s.last_active_at DESC
LIMIT 100""",
    ),
}
