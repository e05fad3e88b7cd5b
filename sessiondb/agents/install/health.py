"""What is installed in the settings of agents, and what about it is broken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sessiondb.agents.install import agents, command, entries, files, jsonc, toml
from sessiondb.agents.install.agents import Agent, OwnFile, Part, Settings
from sessiondb.agents.install.command import NAME, Command
from sessiondb.agents.install.data import value_at
from sessiondb.agents.install.entries import Found
from sessiondb.errors import SessionDBError

_PLUGIN = re.compile(r"^const COMMAND = (\[.*\])$", re.MULTILINE)


_SWITCHES: dict[str, tuple[tuple[str, ...], bool]] = {
    "claude-code": (("disableAllHooks",), True),
    "gemini-cli": (("hooksConfig", "enabled"), False),
}
"""The key by which an agent calls no hooks, and its value then."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What an agent has been given: `hooks`, `mcp`, `skill`; what is broken about it; what a person has yet to do."""

    agent: str
    kinds: tuple[str, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def installed(database: Path, *, is_default: bool) -> list[Installed]:
    """Return what agents have been given, and what is wrong with it. Agents without anything are left out.

    An entry that uses another database than this one is wrong where this is the default one, and else none of its
    business.
    """
    found = (_examined(agent, database, is_default) for agent in agents.AGENTS.values())
    return [one for one in found if one is not None]


def _examined(agent: Agent, database: Path, is_default: bool) -> Installed | None:
    calls: list[tuple[Path, Found]] = []
    broken: list[str] = []
    for part in agent.parts(Command((NAME,))):
        try:
            calls += [(part.path, found) for found in _found(agent, part)]
        except SessionDBError as error:
            broken.append(f"{part.path} cannot be read: {error}")
    if not is_default:
        calls = [(path, found) for path, found in calls if _database(found) in (str(database), "")]
    if not calls:
        return None
    problems = [problem for path, found in calls for problem in _problems(path, found, database)]
    mend = f"`{NAME} install {agent.name}` puts it right"
    return Installed(
        agent.name,
        tuple(kind for kind in agents.KINDS if any(found.kind == kind for _, found in calls)),
        tuple(f"{agent.name}: {problem}" for problem in (*broken, *(f"{text}; {mend}" for text in problems))),
        (*_turned_off(agent, calls), *(_untrusted(calls) if agent.name == "codex" else ())),
    )


def _found(agent: Agent, part: Part) -> Iterator[Found]:
    content = files.read(part.path)
    if content is None:
        return
    _, text = files.decoded(part.path, content)
    if isinstance(part, Settings):
        data = toml.load(text) if part.form == "toml" else jsonc.load(text, strict=part.form == "json")
        for entry in part.entries:
            yield from entries.find(data, entry, agent.name)
    elif f"`{NAME} install" in text:
        yield Found(part.kind, part.path.name, (), _plugin_words(part, text))


def _plugin_words(part: OwnFile, text: str) -> list[str]:
    found = _PLUGIN.search(text) if part.kind == "hooks" else None
    try:
        return [str(word) for word in json.loads(found[1])] if found else []
    except ValueError:
        return []


def _problems(path: Path, found: Found, database: Path) -> Iterator[str]:
    """Yield what is wrong with what an entry calls: its program, the database."""
    if not found.words:
        return
    used = _database(found)
    if not used:
        yield f"{found.name} in {path} calls {command.quoted(_program(found))}, which does not start"
    elif used != str(database):
        yield f"{found.name} in {path} uses the database {used}, not {database}"


def _database(found: Found) -> str:
    """Return the database that an entry uses, "" where its program does not start. A skill uses none."""
    default = _default_database(_program(found)) if found.words else None
    return (command.named_database(found.words) or default) if default else ""


def _program(found: Found) -> tuple[str, ...]:
    place = next(number for number, word in enumerate(found.words) if word in ("hook", "mcp"))
    return tuple(found.words[:place])


@cache
def _default_database(program: tuple[str, ...]) -> str | None:
    return command.default_database(program)


def _turned_off(agent: Agent, calls: list[tuple[Path, Found]]) -> Iterator[str]:
    """Yield that an agent was told to call no hooks at all."""
    keys, off = _SWITCHES.get(agent.name, ((), None))
    for path in dict.fromkeys(path for path, found in calls if keys and found.kind == "hooks"):
        if value_at(jsonc.load(files.decoded(path, files.read(path))[1]), keys) is off:
            yield f"{agent.name}: {'.'.join(keys)} in {path} turns all hooks off"


def _untrusted(calls: list[tuple[Path, Found]]) -> Iterator[str]:
    """Yield what is to be done where Codex does not trust a hook yet, or was told to leave it out.

    Its config.toml names those that it trusts, by file, event and place.
    """
    hooks = [(path, found) for path, found in calls if found.kind == "hooks"]
    states = _hook_states(hooks[0][0].with_name("config.toml")) if hooks else {}
    ours = [_state_of(states, path, found) for path, found in hooks]
    if not all(state.get("trusted_hash") for state in ours):
        yield (
            "codex: its hooks are not trusted yet, so Codex skips them: start `codex` once in a terminal, and choose to"
            " trust the hooks that it lists"
        )
    if any(state.get("enabled") is False for state in ours):
        yield "codex: a hook is turned off in Codex; /hooks in Codex turns it on"


def _state_of(states: Mapping[str, Any], path: Path, found: Found) -> Mapping[str, Any]:
    event = re.sub(r"(?<!^)(?=[A-Z])", "_", found.name).lower()
    place = ":".join([event, *(str(key) for key in found.place if isinstance(key, int))])
    state = states.get(f"{path}:{place}") or states.get(f"{path.resolve()}:{place}")
    return state if isinstance(state, dict) else {}


def _hook_states(config: Path) -> Mapping[str, Any]:
    try:
        content = files.read(config)
        state = value_at(toml.load(files.decoded(config, content)[1]), ("hooks", "state"))
    except SessionDBError:
        return {}
    return state if isinstance(state, dict) else {}
