"""Edit TOML by splicing its text: one table is put at its end, changed in place, or taken out.

The result is read again: it must hold what was meant and nothing else. So no library that writes TOML is needed, and
what a person has written, and how, cannot get lost.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sessiondb.agents.install.data import value_at
from sessiondb.errors import InvalidInput

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEADER = re.compile(r"[ \t]*\[")


def load(text: str) -> dict[str, Any]:
    """Return what a text holds. Raises InvalidInput where it is broken."""
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(str(error) or "nested too deeply") from error
    return data


def add_table(text: str, path: Sequence[str], values: Mapping[str, Any]) -> str:
    """Return a text with one more table at its end. Raises InvalidInput where the file's own form forbids that."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = [f"[{'.'.join(path)}]", *(f"{key} = {_written(value)}" for key, value in values.items())]
    gap = "" if not text.strip() else newline if text.endswith("\n") else newline * 2
    made = text + gap + newline.join(lines) + newline
    meant = load(text)
    _set(meant, path, dict(values))
    return _checked(made, path, meant)


def set_values(text: str, path: Sequence[str], values: Mapping[str, Any]) -> str:
    """Return a text in which keys of a table hold values; each is on a line of its own."""
    lines = text.splitlines(keepends=True)
    start, end = _span(lines, path)
    for key, value in values.items():
        line = re.compile(rf"([ \t]*{re.escape(key)}[ \t]*=[ \t]*).*?(\r?\n|$)")
        found = [number for number in range(start + 1, end) if line.match(lines[number])]
        if found:
            match = line.match(lines[found[0]])
            lines[found[0]] = f"{match[1]}{_written(value)}{match[2]}" if match else ""
        else:
            ending = "\r\n" if lines[start].endswith("\r\n") else "\n"
            lines.insert(start + 1, f"{key} = {_written(value)}{ending}")
            end += 1
    meant = load(text)
    table = value_at(meant, path)
    if isinstance(table, dict):
        table.update(values)
    return _checked("".join(lines), path, meant)


def remove_table(text: str, path: Sequence[str]) -> str:
    """Return a text without a table and those below it. Comments behind its last line are somebody else's."""
    # Two results are right: a table whose last member goes may stay as an empty one, or go as well, as the text has it.
    without = load(text)
    if isinstance(parent := value_at(without, path[:-1]), dict):
        parent.pop(path[-1], None)
    closed_up = load(text)
    _unset(closed_up, path)
    lines = text.splitlines(keepends=True)
    while _has_header(lines, path):
        start, end = _span(lines, path)
        # A comment above the next table is about that one.
        while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        if start and not lines[start - 1].strip():
            start -= 1
        del lines[start:end]
    return _checked("".join(lines), path, without, closed_up)


def _written(value: Any) -> str:
    """Return a text or a list of texts; JSON writes them as TOML does, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _headers(path: Sequence[str]) -> re.Pattern[str]:
    """Return what matches the header of a table, or of one below it."""
    keys = r"[ \t]*\.[ \t]*".join(
        rf"(?:{re.escape(key)}|\"{re.escape(key)}\"|'{re.escape(key)}')" for key in path
    )
    return re.compile(rf"[ \t]*\[[ \t]*{keys}[ \t]*[.\]]")


def _has_header(lines: Sequence[str], path: Sequence[str]) -> bool:
    return any(map(_headers(path).match, lines))


def _span(lines: Sequence[str], path: Sequence[str]) -> tuple[int, int]:
    """Return the lines of a table: its header, and what is before the next."""
    header = _headers(path)
    start = next((number for number, line in enumerate(lines) if header.match(line)), None)
    if start is None:
        raise InvalidInput(f"{'.'.join(path)} is not written as a table of its own")
    rest = range(start + 1, len(lines))
    return start, next((number for number in rest if _HEADER.match(lines[number])), len(lines))


def _set(data: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        inner = data.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InvalidInput(f"{key} is not a table")
        data = inner
    data[path[-1]] = value


def _unset(data: dict[str, Any], path: Sequence[str]) -> None:
    """Take a value out of data, and the tables that hold nothing else."""
    parent = value_at(data, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
        if not parent and len(path) > 1:
            _unset(data, path[:-1])


def _checked(text: str, path: Sequence[str], *meant: Mapping[str, Any]) -> str:
    try:
        is_right = load(text) in meant
    except InvalidInput:
        is_right = False
    if not is_right:
        raise InvalidInput(f"{'.'.join(path)} cannot be changed without touching what is around it")
    return text
