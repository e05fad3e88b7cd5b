"""The four kinds of text that are searched: talk, tool calls, notes and titles."""

from __future__ import annotations

from typing import NamedTuple

_PLAIN = "unicode61 remove_diacritics 2"
_STEMMED = f"porter {_PLAIN}"


class Corpus(NamedTuple):
    """One kind of text: its index, its table with the key that the index has, and what a hit consists of.

    `columns` are what the index holds, as expressions over the table's alias; `further` is text that stands in
    the segments index only. `rows` joins the table to a list of keys, j.value; `only`, where it is not empty,
    to the index f. `entry` is the key of what the index finds.
    """

    source: str
    fts: str
    tokenizer: str
    columns: tuple[str, ...]
    table: str
    key: str
    present: str
    rows: str
    hit: str
    session: str
    moment: str
    only: str = ""
    further: str = "NULL"
    entry: str = "f.rowid"

    @property
    def text(self) -> str:
        """Return the expression of all text that can be searched for in a row."""
        return " || ".join(f"coalesce({part} || ' ', '')" for part in (*self.columns, self.further))


MESSAGES = Corpus(
    "message",
    "messages_fts",
    _STEMMED,
    ("m.content",),
    "messages",
    "id",
    "content IS NOT NULL",
    "JOIN messages AS m ON m.id = j.value",
    "m.id, m.session_id, m.id, m.seq, m.role, m.created_at",
    "m.session_id",
    "m.created_at",
)
TOOLS = Corpus(
    "tool_call",
    "tool_calls_fts",
    _PLAIN,
    ("t.name", "t.arguments", "t.result"),
    "tool_calls",
    "id",
    "id IS NOT NULL",
    "JOIN tool_calls AS t ON t.id = j.value"
    " LEFT JOIN messages AS m ON m.id = coalesce(t.result_message_id, t.message_id)",
    "t.id, t.session_id, m.id, m.seq, 'tool', m.created_at",
    "t.session_id",
    "m.created_at",
)
NOTES = Corpus(
    "note",
    "notes_fts",
    _STEMMED,
    ("n.body", "n.context", "n.resolution"),
    "notes",
    "id",
    "id IS NOT NULL",
    "JOIN notes AS n ON n.id = j.value",
    "n.id, n.session_id, NULL, NULL, NULL, n.created_at",
    "n.session_id",
    "n.created_at",
    further="(SELECT group_concat(body, ' ') FROM note_translations WHERE note_id = n.id)",
)
# A title made from the first prompt says nothing that the prompt itself does not.
TITLES = Corpus(
    "session",
    "sessions_fts",
    _STEMMED,
    ("o.title",),
    "sessions",
    "rowid",
    "rowid IS NULL",
    "JOIN sessions AS o ON o.rowid = j.value",
    "o.rowid, o.id, NULL, NULL, NULL, o.started_at",
    "o.id",
    "o.started_at",
    "JOIN sessions AS o ON o.rowid = f.rowid AND o.title_source IS NOT 'prompt'",
    # Filters are asked of what that leaves.
    entry="o.rowid",
)
