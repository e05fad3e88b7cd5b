"""Read the tables of llm's database: the rows of both generations, and what they share: fragments and
attachments.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import timezone
from typing import Any

from sessiondb.chat.content import json_text, text_or_none, whole, without_payloads
from sessiondb.chat.text import clean_text
from sessiondb.importers.base import TokenRecord
from sessiondb.importers.chat_api.messages import token_record
from sessiondb.importers.files.source import Source
from sessiondb.importers.opencode.db import decode, tables
from sessiondb.timestamps import normalise

# Gemini's names for what its input and output counts include, as llm-gemini hands them on.
_CACHED, _THOUGHTS = "cachedContentTokenCount", "thoughtsTokenCount"
_OPENAI = "prompt_tokens_details"


class Tables:
    """A connection to the database, and which tables and columns it has: versions differ, and only ever add
    some.

    Times without a zone are UTC, whatever zone the user is in.
    """

    tz = timezone.utc

    def __init__(self, connection: sqlite3.Connection, source: Source) -> None:
        # A byte that is no UTF-8 must not cost the whole file.
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        self._connection = connection
        self.source = source
        self.columns = tables(connection)

    def rows(self, table: str, rest: str = "", *values: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table, none where the database has no such table."""
        if table in self.columns:
            for row in self._connection.execute(f'SELECT * FROM "{table}" {rest}', values):
                yield {key: _readable(value) for key, value in dict(row).items()}

    def by_id(self, table: str) -> dict[str, dict[str, Any]]:
        """Return the rows of a small table by their ids."""
        return {str(row["id"]): row for row in self.rows(table) if row.get("id") is not None}

    def groups(self, table: str, column: str, key: str = "id") -> dict[str, list[Any]]:
        """Return the keys of a table's rows, in order, by the value of a column that has no index."""
        found: dict[str, list[Any]] = {}
        if {column, key} <= self.columns.get(table, frozenset()):
            for group, value in self._connection.execute(
                f'SELECT "{column}", "{key}" FROM "{table}" ORDER BY "{key}"'
            ):
                found.setdefault(str(value if group is None else group), []).append(value)
        return found

    def fragments(self, table: str, response_id: Any) -> list[str]:
        """Return the texts of the fragments that a response was given, in their order."""
        if table not in self.columns:
            return []
        query = (
            f'SELECT f.content FROM "{table}" AS g JOIN fragments AS f ON f.id = g.fragment_id'
            ' WHERE g.response_id = ? ORDER BY g."order"'
        )
        return [row[0] for row in self._connection.execute(query, (response_id,)) if isinstance(row[0], str)]

    def fragment(self, fragment_id: Any) -> str:
        """Return the text of a fragment, "" where it is gone."""
        found = next(self.rows("fragments", "WHERE id = ?", whole(fragment_id)), {})
        return text_or_none(found.get("content")) or ""

    def attachments(self, table: str, column: str, value: Any) -> list[Any]:
        """Return what is attached to the row of another table, as parts: never the bytes themselves."""
        if table not in self.columns:
            return []
        query = f'SELECT attachment_id FROM "{table}" WHERE "{column}" = ? ORDER BY "order"'
        return [part for row in self._connection.execute(query, (value,)) for part in self.attachment(row[0])]

    def attachment(self, attachment_id: Any) -> list[Any]:
        """Return an attachment as a part: its hash (of the address, where it has one), media type and size in
        bytes.
        """
        query = "SELECT id, type, path, url, length(content) FROM attachments WHERE id = ?"
        if "attachments" not in self.columns or not isinstance(attachment_id, str):
            return []
        found = self._connection.execute(query, (attachment_id,)).fetchall()
        return [_attachment(*row) for row in found]


def _readable(value: Any) -> Any:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return clean_text(text) if isinstance(text, str) else text


def _attachment(digest: Any, media_type: Any, path: Any, url: Any, size: Any) -> dict[str, Any]:
    texts = {"sha256": digest, "media_type": media_type, "path": path, "url": url}
    known = {key: text_or_none(text) for key, text in texts.items()} | {"bytes": whole(size)}
    return {"type": "attachment", **{key: value for key, value in known.items() if value is not None}}


def call_metadata(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a response or turn says of its call of the model beside the tokens."""
    options, requested = decode(row.get("options_json")), text_or_none(row.get("model"))
    found = {
        "options": without_payloads(options) if options else None,
        "duration_ms": whole(row.get("duration_ms")) or None,
        "schema_id": text_or_none(row.get("schema_id")),
        "requested_model": requested if requested != model_of(row) else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def model_of(row: dict[str, Any]) -> str | None:
    """Return the model that answered, by the name that its provider gives it where that is known."""
    return text_or_none(row.get("resolved_model")) or text_or_none(row.get("model"))


def tokens(session: str, row: dict[str, Any], message: str | None) -> Iterator[TokenRecord]:
    """Yield the disjoint token counts of a response or turn, none where it has no counts.

    The details are the provider's own: OpenAI's input and Gemini's include what was read from the cache,
    Anthropic's does not.
    """
    details = decode(row.get("token_details"))
    details = details if isinstance(details, dict) else {}
    if isinstance(details.get(_OPENAI), dict):
        usage = {
            **details,
            "prompt_tokens": row.get("input_tokens"),
            "completion_tokens": row.get("output_tokens"),
        }
    else:
        usage = {
            **details,
            "input_tokens": row.get("input_tokens"),
            "output_tokens": row.get("output_tokens"),
        }
    record = token_record(session, str(row["id"]), usage)
    if record is None:
        return
    cached = whole(details.get(_CACHED))
    if cached and record.input is not None:
        record = record._replace(input=max(0, record.input - cached), cache_read=cached)
    yield record._replace(
        reasoning=record.reasoning or whole(details.get(_THOUGHTS)),
        model=model_of(row),
        message=message,
        counted_at=normalise(row.get("datetime_utc"), Tables.tz),
    )


def answer_of(output: Any, exception: Any) -> tuple[str | None, bool]:
    """Return what a tool answered, or the exception that it ended with, and whether it did."""
    failure = text_or_none(exception)
    return json_text(without_payloads(output)) or failure, failure is not None


def joined(texts: Iterable[Any], separator: str = "\n\n") -> str | None:
    """Join what is text and not empty; None where nothing is."""
    return separator.join(text for text in texts if isinstance(text, str) and text) or None
