"""An installation or its removal: planned without touching anything, shown as a difference, then carried out."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sessiondb.agents.install import agents, entries, files, jsonc, records, toml
from sessiondb.agents.install.agents import Agent, OwnFile, Part, Settings
from sessiondb.agents.install.command import NAME, Command
from sessiondb.agents.install.records import Record, digest
from sessiondb.chat.redaction.redact import without_secrets
from sessiondb.errors import InvalidInput, SessionDBError

_MARK = f"Made by `{NAME} install"
_NOBODY = Command((NAME,))
"""A command by which parts are found, whatever they call."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is to change: what it holds now, and what it will. None: no such file."""

    agent: str
    path: Path
    before: bytes | None
    after: bytes | None
    original: bytes | None = None
    """Of an installation: what its removal brings back."""

    @property
    def is_own(self) -> bool:
        """Say whether the file is ours as a whole."""
        return self.after is not None and _MARK.encode() in self.after

    def difference(self) -> list[str]:
        """Return the difference as `diff -u` has it, without its two lines of names and without secrets."""
        old, new = (self._lines(content) for content in (self.before, self.after))
        return [without_secrets(line) for line in difflib.unified_diff(old, new, lineterm="")][2:]

    @staticmethod
    def _lines(content: bytes | None) -> list[str]:
        return (content or b"").decode("utf-8", "replace").removeprefix(files.BOM).splitlines()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to change, files that are left alone with the reason, and what a person has to know."""

    agents: tuple[str, ...]
    changes: tuple[Change, ...]
    refused: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    is_removal: bool = False


def installation(names: Sequence[str], kinds: Collection[str], command: Command) -> Plan:
    """Plan what agents are given: `kinds` of agents.KINDS, called by a command. Raises InvalidInput for names."""
    chosen = agents.named(names)
    changes, refused = _changes(chosen, command, lambda agent, part: _installed(agent, part, kinds))
    touched = {change.agent for change in changes}
    remarks = [
        text
        for agent in chosen
        for kind, text in agent.remarks.items()
        if kind in kinds and agent.name in touched
    ]
    if touched and command.is_cached:
        remarks.append(
            f"{command.program[0]} is in a cache, which may be emptied: install {NAME} by pipx or pip for good."
        )
    return Plan(tuple(agent.name for agent in chosen), tuple(changes), tuple(refused), tuple(remarks))


def removal(names: Sequence[str]) -> Plan:
    """Plan to take out of the settings of agents what was installed. Raises InvalidInput for names."""
    chosen = agents.named(names)
    changes, refused = _changes(chosen, _NOBODY, _removed)
    return Plan(tuple(agent.name for agent in chosen), tuple(changes), tuple(refused), is_removal=True)


def carry_out(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Carry a plan out, file by file, and yield for each its path and what became of it.

    Raises Conflict where a file has changed since the plan was made, and InvalidInput where it cannot be written.
    """
    made: set[str] = set()
    for change in plan.changes:
        record = records.find(change.path)
        made.update(record.made if record else ())
        yield change.path, (_undo if plan.is_removal else _write)(change, record)
    for folder in sorted(made, key=len, reverse=True) if plan.is_removal else ():
        # The innermost first; one that holds something else stays.
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def installed_agents() -> list[str]:
    """Return the agents that something is installed for."""
    return [name for name in agents.AGENTS if removal([name]).changes]


def present_agents() -> list[str]:
    """Return the agents that seem to be used on this machine."""
    return [agent.name for agent in agents.AGENTS.values() if agent.is_here()]


def can_serve() -> bool:
    """Say whether the MCP server can run: whether the Python SDK of MCP is installed."""
    return find_spec("mcp") is not None


def _changes(
    chosen: Sequence[Agent], command: Command, plan: Callable[[Agent, Part], Change | None]
) -> tuple[list[Change], list[str]]:
    """Return what is to change in the files of agents, and why others of them are left alone."""
    changes: list[Change] = []
    refused: list[str] = []
    for agent in chosen:
        for part in agent.parts(command):
            try:
                change = plan(agent, part)
                if change is not None and change.before != change.after:
                    files.check_writable(part.path)
                    changes.append(change)
            except SessionDBError as error:
                refused.append(f"{agent.name}: {error}")
    return changes, refused


def _installed(agent: Agent, part: Part, kinds: Collection[str]) -> Change | None:
    if isinstance(part, OwnFile):
        if part.kind not in kinds:
            return None
        before = files.read(part.path)
        if before is not None and _MARK.encode() not in before:
            raise InvalidInput(
                f"{part.path} already exists and is not from {NAME}: move it away, and try again"
            )
        record = records.find(part.path)
        return Change(agent.name, part.path, before, part.content.encode(), record.before if record else None)
    wanted = [entry for entry in part.entries if entry.kind in kinds]
    if not wanted:
        return None
    before = files.read(part.path)
    mark, text = files.decoded(part.path, before)
    with _explained(part):
        _check_form(part, text)
        made = _with_frame(part, text)
        for entry in wanted:
            made = _put(part, made, entry, agent.name)
    if made == text:
        return None
    return Change(agent.name, part.path, before, (mark + made).encode(), _original(agent, part, before))


def _original(agent: Agent, part: Settings, current: bytes | None) -> bytes | None:
    """Return what an uninstall is to bring back: what was there before the first installation.

    Where somebody else has changed the file since, that is what it holds now, without what is ours.
    """
    record = records.find(part.path)
    if record is not None and record.after == digest(current):
        return record.before
    return _without_ours(agent, part, current, record)


def _removed(agent: Agent, part: Part) -> Change | None:
    current, record = files.read(part.path), records.find(part.path)
    if current is None:
        return None
    if record is not None and record.after == digest(current):
        return Change(agent.name, part.path, current, record.before)
    if isinstance(part, OwnFile):
        is_ours = _MARK.encode() in current
        return Change(agent.name, part.path, current, record.before if record else None) if is_ours else None
    after = _without_ours(agent, part, current, record)
    return Change(agent.name, part.path, current, after)


def _without_ours(agent: Agent, part: Settings, current: bytes | None, record: Record | None) -> bytes | None:
    """Return what a file holds without our entries; None where that is nothing, and the file was made for them."""
    if current is None:
        return None
    mark, text = files.decoded(part.path, current)
    with _explained(part):
        _check_form(part, text)
        made, before = text, _data(part, record.before if record else None)
        for entry in part.entries:
            if part.form == "toml" and isinstance(entry, entries.Server):
                made = entries.take_out_of_toml(made, entry)
            else:
                made = entries.take_out(made, entry, agent.name, before)
        is_made_by_us = record is not None and record.before is None
        if is_made_by_us and made != text and _is_bare(part, made):
            return None
    return (mark + made).encode()


def _is_bare(part: Settings, text: str) -> bool:
    """Say whether nothing is left in a text but what the agent wants of any such file: no comment either."""
    if part.form == "toml":
        return not text.strip()
    return jsonc.load(text) in ({}, dict(part.frame)) and "//" not in text and "/*" not in text


def _put(part: Settings, text: str, entry: entries.Entry, agent: str) -> str:
    if part.form == "toml" and isinstance(entry, entries.Server):
        return entries.put_in_toml(text, entry)
    return entries.put(text, entry, agent)


def _with_frame(part: Settings, text: str) -> str:
    for key, value in part.frame.items():
        if key not in jsonc.load(text):
            text = jsonc.put(text, (key,), value)
    return text


def _check_form(part: Settings, text: str) -> None:
    """Raise InvalidInput for a text that the agent itself cannot read."""
    if part.form == "toml":
        toml.load(text)
    else:
        jsonc.load(text, strict=part.form == "json")


def _data(part: Settings, content: bytes | None) -> Any:
    """Return what a file held, {} where it cannot be read any more."""
    try:
        _, text = files.decoded(part.path, content)
        return toml.load(text) if part.form == "toml" else jsonc.load(text)
    except InvalidInput:
        return {}


@contextlib.contextmanager
def _explained(part: Settings) -> Iterator[None]:
    """Say of what cannot be read or changed in which file it is, and what to do."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"{part.path}: {error}. It was not changed: fix it, and try again") from error


def _write(change: Change, record: Record | None) -> str:
    made = [str(folder) for folder in change.path.parents if not os.path.exists(folder)]
    kept = tuple(record.made) if record else tuple(made)
    records.keep(Record(str(change.path), change.original, digest(change.after), kept))
    files.replace(change.path, change.after, expected=change.before)
    return "written"


def _undo(change: Change, record: Record | None) -> str:
    done = "removed" if change.after is None else "restored"
    is_changed = change.before is not None and (record is None or digest(change.before) != record.after)
    if is_changed and change.after is None and change.before is not None and _MARK.encode() in change.before:
        done += f"; it had been changed, and is kept as {records.keep_copy(change.path, change.before)}"
    files.replace(change.path, change.after, expected=change.before)
    records.forget(change.path)
    return done
