"""Entries in the settings of agents: put in, found again, taken out. Each leaves what is around it as it is.

    Hook     an item of a list of hooks. Claude Code, Codex and Gemini CLI keep lists of groups, of which each has a
             list `hooks`; Cursor and Copilot CLI keep the hooks themselves.
    Server   a member of an object of MCP servers, in JSON or TOML

An entry of ours is known by what it calls. Where it is there already, only the call is put right: a timeout, or what
else a person has changed, stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sessiondb.agents.install import jsonc, toml
from sessiondb.agents.install.command import NAME, is_call, split
from sessiondb.agents.install.data import named, value_at
from sessiondb.errors import InvalidInput
from sessiondb.records.agents import stored_name

Place = tuple["str | int", ...]


class Hook(NamedTuple):
    """A hook at an event: the list it stands in, the item, and where in it the line is that is called."""

    path: tuple[str, ...]
    item: Mapping[str, Any]
    line_at: Place
    kind: str = "hooks"

    def line(self) -> str:
        """Return the line that the agent is to call."""
        found: Any = self.item
        for key in self.line_at:
            found = found[key]
        return str(found)


class Server(NamedTuple):
    """An MCP server: the object it stands in, and its member there."""

    path: tuple[str, ...]
    item: Mapping[str, Any]
    kind: str = "mcp"


Entry = Hook | Server


class Found(NamedTuple):
    """An entry of ours in a file: its kind, the event or the server's name, where it is, and the words it calls."""

    kind: str
    name: str
    place: Place
    words: list[str]


def put(text: str, entry: Entry, agent: str) -> str:
    """Return a text that has an entry. Raises InvalidInput where something else stands in its place."""
    data = jsonc.load(text)
    if isinstance(entry, Server):
        return _put_server(text, data, entry)
    _check(data, entry.path, list)
    ours = list(_hooks(data, entry, agent))
    if not ours:
        return jsonc.append(text, entry.path, dict(entry.item))
    # From the last one on: what is taken out moves all that stands behind it.
    for extra in reversed(ours[1:]):
        text = _without_hook(text, extra)
    if split(entry.line()) == ours[0].words:
        return text
    place = ours[0].place
    # A line for the shell and a program with arguments are two forms of one hook; ours is a line.
    if "args" in value_at(jsonc.load(text), place):
        text = jsonc.remove(text, (*place, "args"))
    return jsonc.put(text, (*place, entry.line_at[-1]), entry.line())


def find(data: Any, entry: Entry, agent: str) -> list[Found]:
    """Return what stands for an entry in the data of a file."""
    if isinstance(entry, Hook):
        return list(_hooks(data, entry, agent))
    servers = value_at(data, entry.path)
    if not isinstance(servers, dict):
        return []
    called = [(name, _server_words(server)) for name, server in servers.items()]
    return [Found("mcp", name, (*entry.path, name), words) for name, words in called if is_call(words, "mcp")]


def take_out(text: str, entry: Entry, agent: str, before: Any) -> str:
    """Return a text without an entry; what it leaves empty goes too, but for what was there before."""
    ours = find(jsonc.load(text), entry, agent)
    for found in reversed(ours):
        is_hook = isinstance(entry, Hook)
        text = _without_hook(text, found) if is_hook else jsonc.remove(text, found.place)
    path = entry.path
    # Upwards, from the list that the entry stood in: each that is empty now and was not there before goes with it.
    while ours and path and value_at(jsonc.load(text), path) in ({}, []) and value_at(before, path) is None:
        node = jsonc.at(text, path)
        if node is None or text[node.start + 1 : node.end - 1].strip():
            break  # a comment is somebody's
        text, path = jsonc.remove(text, path), path[:-1]
    return text


def put_in_toml(text: str, server: Server) -> str:
    """Return a TOML text that has a server."""
    data = toml.load(text)
    found = find(data, server, "")
    if not found:
        if NAME in (value_at(data, server.path) or {}):
            raise _taken(server.path)
        return toml.add_table(text, (*server.path, NAME), server.item)
    place = [str(key) for key in found[0].place]
    changed = _changed(value_at(data, found[0].place), server.item)
    return toml.set_values(text, place, changed) if changed else text


def take_out_of_toml(text: str, server: Server) -> str:
    """Return a TOML text without a server."""
    for found in find(toml.load(text), server, ""):
        text = toml.remove_table(text, [str(key) for key in found.place])
    return text


def _put_server(text: str, data: Any, server: Server) -> str:
    _check(data, server.path, dict)
    found = find(data, server, "")
    if not found:
        if NAME in (value_at(data, server.path) or {}):
            raise _taken(server.path)
        return jsonc.put(text, (*server.path, NAME), dict(server.item))
    for key, value in _changed(value_at(data, found[0].place), server.item).items():
        text = jsonc.put(text, (*found[0].place, key), value)
    return text


def _taken(path: Sequence[str]) -> InvalidInput:
    return InvalidInput(f"{'.'.join(path)} has another server of the name {NAME!r}: rename it, and try again")


def _changed(there: Mapping[str, Any], meant: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a call is not as it is meant."""
    return {key: meant[key] for key in ("command", "args") if key in meant and there.get(key) != meant[key]}


def _server_words(server: Any) -> list[str]:
    if not isinstance(server, dict):
        return []
    command, arguments = server.get("command"), server.get("args", [])
    words = [command] if isinstance(command, str) else command
    if not isinstance(words, list) or not isinstance(arguments, list):
        return []
    return [str(word) for word in (*words, *arguments)]


def _hooks(data: Any, hook: Hook, agent: str) -> Iterator[Found]:
    items = value_at(data, hook.path)
    for index, item in enumerate(items if isinstance(items, list) else []):
        inner = item.get("hooks") if isinstance(item, dict) else None
        grouped = isinstance(inner, list)
        for number, one in enumerate(inner if isinstance(inner, list) else [item]):
            words = _hook_words(one, str(hook.line_at[-1]))
            if _calls(words, agent):
                place: Place = (*hook.path, index, *(("hooks", number) if grouped else ()))
                yield Found("hooks", hook.path[-1], place, words)


def _hook_words(item: Any, key: str) -> list[str]:
    """Return the words of a hook: a line for the shell, or a program and `args`."""
    line = item.get(key) if isinstance(item, dict) else None
    if not isinstance(line, str):
        return []
    arguments = item.get("args")
    return [line, *map(str, arguments)] if isinstance(arguments, list) else split(line)


def _calls(words: Sequence[str], agent: str) -> bool:
    """Say whether words call our hook for an agent, by whichever of its names."""
    if not is_call(words, "hook"):
        return False
    place = list(words).index("hook")
    return place + 1 < len(words) and stored_name(words[place + 1]) == agent


def _without_hook(text: str, found: Found) -> str:
    """Return a text without a hook, and without its group where it was alone in it."""
    place = found.place
    if len(place) > 2 and place[-2] == "hooks":
        group = jsonc.at(text, place[:-1])
        if group is not None and len(group.data) == 1:
            place = place[:-2]
    return jsonc.remove(text, place)


def _check(data: Any, path: Sequence[str], last: type[dict[str, Any]] | type[list[Any]]) -> None:
    """Raise InvalidInput where what is on the way to a list or an object is something else."""
    for number, key in enumerate(("", *path)):
        if number and key not in data:
            return
        data = data[key] if number else data
        expected = last if number == len(path) else dict
        if not isinstance(data, expected):
            what = named(path[:number]) or "the file"
            raise InvalidInput(f"{what} is not {'a list' if expected is list else 'an object'}")
