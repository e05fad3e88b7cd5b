"""Copies under ids of their own: told by what they say, when, and by what their responses cost.

A fork of OpenCode names neither its parent nor its originals (see sessiondb.importers.fresh_ids). Two sessions of one
agent come from each other where both have a response of the same model that was begun and completed in the same
milliseconds, says and calls the same, and took as many tokens. That two sessions begin alike does not make them one:
each has been answered at its own time.

Once that is known, each message is a copy that says the same, by the same one, at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sessiondb.dao.forks.chain import Line
from sessiondb.storage.connection import Connection

_CALLS = "(SELECT group_concat(call_id) FROM tool_calls WHERE message_id = {}.id)"
_SAME = f"""
{{0}}.created_at = {{1}}.created_at AND {{0}}.role = {{1}}.role AND {{0}}.content IS {{1}}.content
AND {_CALLS.format("{0}")} IS {_CALLS.format("{1}")}
"""
# One response decides: the same words may be said twice, but no two answers take the same milliseconds and tokens.
_RELATIVES = f"""
SELECT DISTINCT t.session_id FROM token_counts AS o
JOIN messages AS own ON own.id = o.message_id
JOIN token_counts AS t ON t.counted_at = o.counted_at AND t.session_id <> o.session_id
JOIN messages AS their ON their.id = t.message_id
WHERE o.session_id = :session AND o.output > 0
  AND (t.model_id, t.input, t.cache_read, t.cache_write, t.output, t.reasoning)
    IS (o.model_id, o.input, o.cache_read, o.cache_write, o.output, o.reasoning)
  AND own.external_id <> their.external_id AND {_SAME.format("own", "their")}
  AND (SELECT agent FROM sessions WHERE id = t.session_id) = (SELECT agent FROM sessions WHERE id = :session)
ORDER BY t.session_id
"""
_LINES = f"""
SELECT id, session_id, seq, created_at, 0, external_id, role, content, {_CALLS.format("messages")} FROM messages
WHERE session_id = ? AND {{}} AND external_id IS NOT NULL AND created_at IS NOT NULL ORDER BY seq
"""
_ALL, _PROMPTS = "role <> 'tool'", "role IN ('user', 'system')"
_Said = tuple[str, str | None, str | None, str | None]
"""By whom something is said and when, the text, and the ids of the calls that it asks for."""


def relatives(connection: Connection, session_id: str, but: Collection[str]) -> list[str]:
    """Return the sessions that share a response with one, under other ids; without those in `but`."""
    return [id for id in connection.column(_RELATIVES, {"session": session_id}) if id not in but]


def twins(
    connection: Connection, session_id: str, other: str, *, only_prompts: bool = False
) -> list[tuple[str, Line]]:
    """Return the ids of messages of a session that another one has too, in order; each is the like of one.

    `only_prompts`: what is typed. Some releases of an agent give each prompt of a resumed copy a fresh id, and leave
    the answers theirs.
    """
    roles = _PROMPTS if only_prompts else _ALL
    theirs: dict[_Said, list[Line]] = {}
    for said, line in _lines(connection, other, roles):
        theirs.setdefault(said, []).append(line)
    found: list[tuple[str, Line]] = []
    for said, own in _lines(connection, session_id, roles):
        waiting = theirs.get(said, [])
        like = next((one for one in waiting if one.external_id != own.external_id), None)
        if like is not None:
            waiting.remove(like)
            found.append((own.external_id or "", like))
    return found


def _lines(connection: Connection, session_id: str, roles: str) -> Iterator[tuple[_Said, Line]]:
    for *line, role, content, calls in connection.rows(_LINES.format(roles), (session_id,)):
        yield (role, line[3], content, calls), Line(*line)
