"""What the stores of Hermes have in common: a session's id, its channel, its tokens and what it cost."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sessiondb.chat.content import text_or_none, whole, without_payloads
from sessiondb.chat.text import clean_json
from sessiondb.errors import ImportFailed
from sessiondb.importers import base
from sessiondb.importers.base import ChannelRecord, TokenRecord
from sessiondb.importers.files.source import Source

AGENT = "hermes"

# Whose word is taken for a session that stands in several stores: the database's, its export's, the files'.
DATABASE, EXPORT, FILE = 30, 20, 10

ID = re.compile(r"\d{8}_\d{6}_[0-9a-f]{6,8}")
_MOMENT = re.compile(r"\d{8}_\d{6}")


def session_id(native_id: str, path: Path) -> str:
    """Return `sessions.id` for an id found in the store or file at `path`.

    An id that names its second, such as `cron_backup_20260301_090000`, means the same session in every store;
    any other was chosen by somebody and is told apart by the store's folder.
    """
    folder = path.absolute().parent
    store = folder.parent if folder.name == "sessions" else folder
    # The same session may stand in a transcript, in a log, in the database and in an export of it, which may lie
    # anywhere.
    return base.session_id(AGENT, native_id, "" if _MOMENT.search(native_id) else str(store))


def document(source: Source) -> dict[str, Any]:
    """Return the JSON object that a file is, cleaned. Raises ImportFailed where it is none."""
    try:
        value = clean_json(source.document())
    except RecursionError as error:
        raise ImportFailed(f"{source.path} cannot be read: it is nested too deeply") from error
    if not isinstance(value, dict):
        raise ImportFailed(f"{source.path} is not a Hermes file: it is not a JSON object")
    return value


def from_json(value: Any) -> Any:
    """Return what a JSON text says, the value itself where it is no text, None where the text is no JSON."""
    if not isinstance(value, str):
        return value
    try:
        return clean_json(json.loads(value))
    except (ValueError, RecursionError):
        return None


def mapping(value: Any) -> dict[str, Any]:
    """Return a dict that is written as such or as JSON text, {} for anything else."""
    decoded = from_json(value)
    return decoded if isinstance(decoded, dict) else {}


def channel(origin: Mapping[str, Any], row: Mapping[str, Any], platform: Any) -> ChannelRecord | None:
    """Return the channel that an origin names, its gaps filled from the row; None without any platform."""
    name = text_or_none(origin.get("platform")) or text_or_none(platform)
    if name is None:
        return None
    values = (
        text_or_none(origin.get(key)) or text_or_none(row.get(key)) for key in ChannelRecord._fields[1:]
    )
    return ChannelRecord(name, *values)


def total_tokens(session: str, native_id: str, row: Mapping[str, Any]) -> TokenRecord | None:
    """Return a session's totals as one record, None where all of them are zero or unknown.

    Hermes counts by session; its input leaves out what came from the cache. The key is the same in every
    store, so that a session which stands in several is counted once.
    """
    tokens = TokenRecord(
        session,
        f"{native_id}:total",
        input=_count(row.get("input_tokens")),
        cache_read=_count(row.get("cache_read_tokens")),
        cache_write=_count(row.get("cache_write_tokens")),
        output=_count(row.get("output_tokens")),
        reasoning=_count(row.get("reasoning_tokens")),
        cost_microdollars=_microdollars(row),
        git_branch=text_or_none(row.get("git_branch")),
    )
    return tokens if any(tokens[2:7]) else None


def digest(text: Any) -> dict[str, Any] | None:
    """Return what stands for a system prompt, 20 kB that hardly differ from session to session."""
    if not isinstance(text, str) or not text:
        return None
    return {"sha256": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), "characters": len(text)}


def rest(row: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return what else a row says: the fields not known that hold anything, without base64 payloads."""
    further = {}
    for key, value in row.items():
        if key not in known and value not in (None, "", 0, [], {}):
            with suppress(RecursionError):  # nested by the hundred: nothing that Hermes wrote
                further[key] = without_payloads(value)
    return further


def _count(value: Any) -> int | None:
    count = whole(value)
    return count if count is not None and count >= 0 else None


def _microdollars(row: Mapping[str, Any]) -> int | None:
    """Return the cost; a zero is one only where it was reckoned, else it says that nobody knows the price."""
    cost = row.get("actual_cost_usd")
    if cost is None:
        cost = row.get("estimated_cost_usd")
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < 1e9:
        return None
    if cost == 0 and row.get("cost_status") not in ("actual", "estimated"):
        return None
    return round(cost * 1_000_000)
