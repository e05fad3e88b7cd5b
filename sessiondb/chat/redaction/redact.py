"""Take secrets and personal data out of text, leaving `[redacted:KIND]` in their place.

Found are, by their shape: keys of providers that give theirs a prefix, bearer tokens, values that are named
like a secret, private key blocks, passwords in URLs, e-mail addresses, and the names in home folders. What
has no shape cannot be found: a name or street in a sentence, a password that someone simply said, a key
without a prefix.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar, cast

from sessiondb.chat.redaction.names import without_named
from sessiondb.chat.redaction.shapes import without_shapes

T = TypeVar("T")


_AT = re.compile(r"@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![\w-])")
_LOCAL = re.compile(r"(?:(?<=\\[nrt])|(?<![\w.+%/\\-]))[\w.+%-]+\Z")
_LONGEST_LOCAL = 64

_SHORT = 100
"""Characters of texts that come again and again: ids, names, times."""


def redact(text: str) -> str:
    """Return the text with secrets and personal data replaced by `[redacted:KIND]`.

    KIND is private-key, api-key, token, secret, password, email or user.
    """
    return _short(text) if len(text) <= _SHORT else _redact(text)


def _redact(text: str) -> str:
    # What keeps it quick, in this order:
    #
    #     short texts that come again       the answers of before (_short)
    #     keys with a prefix                only words of 15 characters or more are asked, and by how they begin
    #     other shapes                      by groups, each with a sign ("/", ":", "-p") that the text must hold
    #     names of secrets                  found as plain text (_HINTS); the regular expressions look only around those
    #     addresses                         from each @ to both sides; none, nothing
    text = without_named(without_shapes(text))
    return _without_addresses(text) if "@" in text else text


_short = lru_cache(maxsize=4096)(_redact)


def without_secrets(text: str) -> str:
    """Return the text with secrets replaced as `redact` does; personal data stays. JSON stays JSON."""
    return without_named(without_shapes(text, names=False))


Cleaner = Callable[[str], str]
"""What takes something out of a text: `redact`, or `without_secrets`."""


def redacted(value: T) -> T:
    """Return a value with every text in it redacted: in lists, dicts, and the fields of records and rows.

    A session is left without its key and the people it was with.
    """
    return _cleaned(value, redact)


def with_clean_texts(record: T, clean: Cleaner) -> T:
    """Return a record or row of a session with what was said and done in it cleaned.

    What names the session and its parts, such as ids, the project and the channel, stays: it is by these that the
    same record is known when it comes again.
    """
    result: Any = record
    names: tuple[str, ...] = getattr(record, "_fields", ()) or getattr(record, "__struct_fields__", ())
    values = {name: _field(record, name, clean) for name in names if name in _TEXTS}
    for name in set(names) & _CALLS:
        calls = getattr(record, name)
        values[name] = type(calls)(with_clean_texts(call, clean) for call in calls)
    if isinstance(record, tuple):
        result = result._replace(**values) if values else record
    elif values:
        import msgspec

        result = msgspec.structs.replace(result, **values)
    return cast("T", result)


_TEXTS = {
    "title", "content", "reasoning", "parts", "metadata", "arguments", "result", "body", "context", "resolution",
    "translations",
}  # fmt: skip
_CALLS = {"tool_calls", "answers", "calls"}


def _cleaned(value: T, clean: Cleaner) -> T:
    result: Any = value
    if isinstance(value, str):
        result = clean(value)
    elif isinstance(value, list):
        result = [_cleaned(item, clean) for item in value]
    elif isinstance(value, tuple):
        items = [_cleaned(item, clean) for item in value]
        result = value._make(items) if hasattr(value, "_make") else tuple(items)
    elif isinstance(value, dict):
        result = {_cleaned(key, clean): _cleaned(item, clean) for key, item in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        result = replace(value, **_fields(value, [field.name for field in fields(value)], clean))
    elif hasattr(value, "__struct_fields__"):
        result = type(value)(**_fields(value, value.__struct_fields__, clean))
    return cast("T", result)


def _fields(record: Any, names: Sequence[str], clean: Cleaner) -> dict[str, Any]:
    values = {name: _field(record, name, clean) for name in names}
    if "channel" in values and "native_id" in values:
        # Chats go by the numbers and names of people, and so do the keys and ids made from them.
        values["key"] = None
        values["native_id"] = record.native_id if record.native_id == record.id else None
        if record.channel is not None:
            values["channel"] = type(record.channel)(record.channel.platform, record.channel.chat_type)
    return values


def _field(record: Any, name: str, clean: Cleaner) -> Any:
    import msgspec

    value = getattr(record, name)
    if isinstance(value, msgspec.Raw):
        text = bytes(value).decode()
        cleaned = _json(text, clean)
        return value if cleaned == text else msgspec.Raw(cleaned.encode())
    if name in ("parts", "metadata") and value and isinstance(value, (list, dict)):
        return json.loads(_json(json.dumps(value, ensure_ascii=False), clean))
    return _json(value, clean) if name == "arguments" and value else _cleaned(value, clean)


def _json(text: str, clean: Cleaner) -> str:
    """Return JSON text cleaned, still JSON; text that is none as any other."""
    if not text.startswith(("{", "[")):
        return clean(text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return clean(text)
    cleaned = _cleaned(value, clean)
    # Where nothing was found the text stays as it is, to the space: an export must not differ for having been looked
    # at.
    result = text if cleaned == value else json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))
    # Values first, each as a text of its own: an escape such as \n before a key would hide it. Then the text as a
    # whole, where a name stands beside its value. What would be no JSON any more is not taken.
    # A value may be secret by the name that it has.
    named = clean(result)
    return named if named == result or is_json(named) else result


def is_json(text: str) -> bool:
    """Say whether a text is one value of JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _without_addresses(text: str) -> str:
    """Return the text without e-mail addresses, found from their `@` to both sides."""
    done = 0
    pieces: list[str] = []
    for match in _AT.finditer(text):
        begin = max(done, match.start() - _LONGEST_LOCAL)
        local = _LOCAL.search(text[max(0, begin - 2) : match.start()], min(begin, 2))
        # git@github.com is nobody's address.
        if local is not None and local[0] != "git":
            pieces += [text[done : match.start() - len(local[0])], "[redacted:email]"]
            done = match.end()
    return "".join((*pieces, text[done:]))
