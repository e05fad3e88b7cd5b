"""Edit JSON, with or without comments and trailing commas, by splicing its text.

A person's file is theirs: order, comments, indentation, line ends and unknown keys stay as they are. A text is read
into nodes that know where they stand, one place is changed, and the result is read again: it must hold what was meant
and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any, NamedTuple, NoReturn

from sessiondb.agents.install.data import Path, named
from sessiondb.errors import InvalidInput

_BLANK = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRICT_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?\d[\d.eE+-]*|true|false|null")
_COMMENT_OR_COMMA = re.compile(r"//[^\r\n]*|/\*.*?\*/|,", re.DOTALL)
_DEEPEST = 200


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


# Python reads NaN and Infinity, which are no JSON.
_PLAIN = json.JSONDecoder(parse_constant=_no_number)


class Member(NamedTuple):
    """A member of an object or an item of an array: its key (None in an array), where it begins, and its value."""

    key: str | None
    start: int
    value: Node


class Node(NamedTuple):
    """A value and where it stands. `members` of an object or array that was looked into, None of others."""

    start: int
    end: int
    data: Any
    members: list[Member] | None = None

    def member(self, key: str | int) -> Member | None:
        """Return the member that counts for a key or an index: of equal keys the last."""
        members = self.members or []
        if isinstance(key, int):
            return members[key] if isinstance(self.data, list) and key < len(members) else None
        return next((member for member in reversed(members) if member.key == key), None)


def load(text: str, *, strict: bool = False) -> Any:
    """Return what a text holds, {} for an empty one. Raises InvalidInput with the line where it is broken."""
    return _root(text, None, strict=strict).data


def put(text: str, path: Path, value: Any) -> str:
    """Return a text in which a place below the root holds a value; objects on the way are made.

    Raises InvalidInput where something else than an object is in the way.
    """
    text = text if text.strip() else "{}\n" if not text or "\r" not in text else "{}\r\n"
    root = _root(text, path)
    # As far down as there is something; from there on it is made, in one piece.
    node, done = root, 0
    for key in path:
        found = node.member(key)
        if found is None:
            break
        node, done = found.value, done + 1
    if done == len(path):
        # put(text, ("mcpServers", "sessiondb"), {...}) splices; nothing is written anew:
        #
        #     {
        #       // my servers                        stays, as every other character outside of the splice
        #       "mcpServers": {
        #         "other": {"command": "x"}          a comma is put behind it
        #         + "sessiondb": {...}               with the indentation of the member before
        #       }
        #     }
        made = _replaced(text, node, value)
    else:
        made = _added(text, node, path[: done + 1], _wrapped(path[done + 1 :], value))
    return _checked(made, _with(root.data, path, value), path)


def append(text: str, path: Path, value: Any) -> str:
    """Return a text in which a list has one more item, at its end; the list is made where there is none."""
    found = at(text, path)
    if found is None:
        return put(text, path, [value])
    if not isinstance(found.data, list):
        raise InvalidInput(f"{named(path)} is not a list")
    made = _added(text, found, [*path, len(found.data)], value)
    return _checked(made, _with(load(text), path, [*found.data, value]), path)


def remove(text: str, path: Path) -> str:
    """Return a text without the member or item at a path, which must be there."""
    root = _root(text, path)
    parent = _walk(root, path[:-1])
    members = parent.members if parent else None
    found = parent.member(path[-1]) if parent else None
    if parent is None or members is None or found is None:
        raise InvalidInput(f"there is no {named(path)}")
    index = members.index(found)
    before = members[index - 1].value.end if index else None
    following = _comma(
        text, found.value.end, members[index + 1].start if index + 1 < len(members) else parent.end
    )
    start, end = _whole_lines(text, found.start, found.value.end if following is None else following + 1)
    made = text[:start] + text[end:]
    if following is None and before is not None and (comma := _comma(text, before, found.start)) is not None:
        made = made[:comma] + made[comma + 1 :]
    if not isinstance(parent.data, list | dict):
        raise InvalidInput(f"there is no {named(path)}")
    left = [member.value.data for member in members if member is not found]
    kept: Any = left
    if isinstance(parent.data, dict):
        kept = {key: value for key, value in parent.data.items() if key != path[-1]}
    if not left:
        made = _closed_up(made, path[:-1])
    return _checked(made, _with(root.data, path[:-1], kept), path)


def at(text: str, path: Path) -> Node | None:
    """Return the node at a path, None where there is none."""
    return _walk(_root(text, path), path)


def _walk(node: Node, path: Path) -> Node | None:
    for key in path:
        found = node.member(key)
        if found is None:
            return None
        node = found.value
    return node


def _with(data: Any, path: Path, value: Any) -> Any:
    """Return data in which a place holds a value."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(data, list) and isinstance(key, int):
        return [*data[:key], _with(data[key], rest, value), *data[key + 1 :]]
    inner = data.get(key, {} if rest else None)
    return {**data, key: _with(inner, rest, value)}


def _wrapped(path: Path, value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _checked(text: str, meant: Any, path: Path) -> str:
    if load(text) != meant:
        raise InvalidInput(f"{named(path)} cannot be changed without touching what is around it")
    return text


def _replaced(text: str, node: Node, value: Any) -> str:
    flat = "\n" not in text.strip() and bool(node.start)
    written = _flat(text, value) if flat else _written(text, value, _indent_at(text, node.start))
    return text[: node.start] + written + text[node.end :]


def _added(text: str, parent: Node, path: Path, value: Any) -> str:
    """Return a text with one more member at the end of an object or list.

    Comments behind the last member stay with it, and a list that ends in a comma goes on ending in one.
    """
    if parent.members is None or isinstance(parent.data, list) != isinstance(path[-1], int):
        raise InvalidInput(
            f"{named(path[:-1]) or 'the file'} is not {'a list' if path[-1] == 0 else 'an object'}"
        )
    members, close = parent.members, parent.end - 1
    key = "" if isinstance(path[-1], int) else f"{_flat(text, path[-1])}: "
    last = members[-1].value.end if members else parent.start + 1
    end = last + len(text[last:close].rstrip())
    comma = _comma(text, last, close) if members else None
    head = f"{text[:last]},{text[last:end]}" if members and comma is None else text[:end]
    is_line = "\n" not in text[parent.start : parent.end]
    if is_line and (members or (parent.start and "\n" not in text.strip())):
        gap, colon = _separators(text)
        written = f"{key[:-2]}{colon}{_flat(text, value)}" if key else _flat(text, value)
        return f"{head}{gap[1:] if members else ''}{written}{text[end:]}"
    newline, outer = _newline(text), _indent_at(text, parent.start)
    inner = _indent_at(text, members[-1].start) if members else outer + _unit(text)
    entry = f"{newline}{inner}{key}{_written(text, value, inner)}{',' if comma is not None else ''}"
    tail = text[end:] if "\n" in text[end:close] else f"{newline}{outer}{text[close:]}"
    return f"{head}{entry}{tail}"


def _written(text: str, value: Any, indent: str) -> str:
    """Return a value on lines of its own, as the text around it is written: indentation, line ends."""
    written = json.dumps(value, ensure_ascii=False, indent=_unit(text))
    return written.replace("\n", _newline(text) + indent)


def _flat(text: str, value: Any) -> str:
    """Return a value on one line, with blanks in it where the text has them."""
    return json.dumps(value, ensure_ascii=False, separators=_separators(text))


def _separators(text: str) -> tuple[str, str]:
    is_dense = "\n" not in text.strip() and '":' in text and '": ' not in text
    return (",", ":") if is_dense else (", ", ": ")


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    """Return what one level is indented by, two blanks where the text does not tell."""
    found = re.search(r"^[ \t]*[{\[][ \t]*\r?\n([ \t]+)\S", text, re.MULTILINE)
    return found[1] if found else "  "


def _indent_at(text: str, place: int) -> str:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _comma(text: str, start: int, end: int) -> int | None:
    """Return where the comma between two places is, which no comment holds."""
    for found in _COMMENT_OR_COMMA.finditer(text, start, end):
        if found[0] == ",":
            return found.start()
    return None


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span made longer by the blanks around it: its line's beginning, or what is between it and another."""
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip(" \t") and line:
        begin = line - 1
        return (begin - 1 if text[begin - 1 : begin] == "\r" else begin), end
    if text[end - 1] == ",":
        return start, end + len(text[end:]) - len(text[end:].lstrip(" \t"))
    return len(text[:start].rstrip(" \t")), end


def _closed_up(text: str, path: Path) -> str:
    """Return a text in which an object or list without members and comments is written as {} or []."""
    node = at(text, path)
    if node is None or text[node.start + 1 : node.end - 1].strip():
        return text
    return text[: node.start + 1] + text[node.end - 1 :]


def _root(text: str, path: Path | None, *, strict: bool = False) -> Node:
    """Return the node of a text. Only those on a path have members: the rest is read by the standard library."""
    reader = _Reader(text, strict)
    begin = reader.skip(0)
    if begin == len(text):
        return Node(0, len(text), {}, [])
    node = reader.value(begin, 0, path)
    end = reader.skip(node.end)
    if end < len(text):
        reader.fail(end, "something follows its end")
    return node


class _Reader:
    """A reader of one text. Strict: no comments, no trailing commas."""

    def __init__(self, text: str, strict: bool) -> None:
        self._text = text
        self._strict = strict
        self._blank = _STRICT_BLANK if strict else _BLANK

    def skip(self, place: int) -> int:
        """Return the place after blanks and comments."""
        found = self._blank.match(self._text, place)
        return found.end() if found else place

    def fail(self, place: int, problem: str) -> NoReturn:
        """Raise InvalidInput for a place."""
        line = self._text.count("\n", 0, place) + 1
        if self._strict and self._text[place : place + 2] in ("//", "/*"):
            problem = "a comment, which the agent does not read"
        raise InvalidInput(f"line {line}: {problem}")

    def value(self, start: int, depth: int, path: Path | None) -> Node:
        """Return the value that begins at a place, with members where it is on the way to a path."""
        if path is None:
            # What is no plain JSON, or broken, is read again below, with its place.
            with contextlib.suppress(ValueError, RecursionError):
                data, end = _PLAIN.raw_decode(self._text, start)
                return Node(start, end, data)
        if depth > _DEEPEST:
            self.fail(start, "nested too deeply")
        first = self._text[start : start + 1]
        if first in ("{", "["):
            return self._container(start, depth, path)
        found = _STRING.match(self._text, start) or _SCALAR.match(self._text, start)
        if found is None:
            self.fail(
                start, f"no JSON value: {self._text[start : start + 20]!r}" if first else "it ends too early"
            )
        return Node(start, found.end(), self._decoded(found[0], start))

    def _container(self, start: int, depth: int, path: Path | None) -> Node:
        members: list[Member] = []
        is_object = self._text[start] == "{"
        closing = "}" if is_object else "]"
        place = self.skip(start + 1)
        while self._text[place : place + 1] != closing:
            key, begin = self._key(place) if is_object else (len(members), place)
            inner = path[1:] if path and path[0] == key else None
            value = self.value(begin, depth + 1, inner)
            members.append(Member(key if isinstance(key, str) else None, place, value))
            place = self.skip(value.end)
            mark = self._text[place : place + 1]
            if mark == ",":
                comma, place = place, self.skip(place + 1)
                if self._strict and self._text[place : place + 1] == closing:
                    self.fail(comma, "a comma before the end, which the agent does not read")
            elif mark != closing:
                self.fail(place, f"a comma or {closing} is missing" if mark else "it ends too early")
        if is_object:
            return Node(start, place + 1, {member.key: member.value.data for member in members}, members)
        return Node(start, place + 1, [member.value.data for member in members], members)

    def _key(self, start: int) -> tuple[str, int]:
        """Return the key at a place, and where its value begins."""
        found = _STRING.match(self._text, start)
        if found is None:
            self.fail(start, "a key in double quotes is missing")
        colon = self.skip(found.end())
        if self._text[colon : colon + 1] != ":":
            self.fail(colon, "a colon is missing")
        return str(self._decoded(found[0], start)), self.skip(colon + 1)

    def _decoded(self, token: str, place: int) -> Any:
        try:
            return json.loads(token)
        except ValueError:
            self.fail(place, f"no JSON value: {token[:20]!r}")
