"""The report: rules of agents, logs that vanish soon, sessions that are left here alone, and traces of lost ones."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sessiondb.agents.retention.rules import Rule, claude_rule, gemini_rule
from sessiondb.agents.retention.stores import (
    Budget,
    Log,
    Store,
    claude_store,
    codex_ids,
    gemini_store,
    ids_in_history,
)

if TYPE_CHECKING:
    from sessiondb.database import SessionDB

SOON_DAYS = 7
"""A log vanishes soon that its agent deletes within so many days."""

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Retention:
    """A rule, and the logs that it is about: all, those that vanish soon, and those of them that were not imported as
    they are now.
    """

    rule: Rule
    logs: int
    vanishing: int
    not_imported: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Sessions of an agent that were gone before the first import: `folders` that have lost their log, and ids in the
    history of `prompts` that no log has; `sessions` that is together.
    """

    agent: str
    sessions: int
    folders: int
    prompts: int


@dataclass(frozen=True, slots=True)
class LogReport:
    """How it is with the logs that sessions come from.

    `only_copies`: imported sessions whose log is gone; `unreachable`: those whose log nobody can look for.
    `is_complete`: all was looked at; else there may be more logs than are counted, and traces are not told.
    """

    retention: list[Retention] = field(default_factory=list)
    only_copies: int = 0
    unreachable: int = 0
    lost: list[Lost] = field(default_factory=list)
    is_complete: bool = True


def log_report(db: SessionDB, budget: Budget | None = None) -> LogReport:
    """Return the report; agents that are not on this machine are left out."""
    budget = budget or Budget()
    places = db.log_places(("claude-code", "codex", "gemini-cli"))
    copies = db.only_copies()
    stores = [(place, claude_store(place, budget)) for place in places["claude-code"] if os.path.isdir(place)]
    rules = [(claude_rule(place.parent), store) for place, store in stores]
    rules += [
        # The place is `.gemini/tmp` in the agent's home.
        (gemini_rule(place.parents[1]), gemini_store(place, budget))
        for place in places["gemini-cli"]
        if os.path.isdir(place)
    ]
    traces = {
        "claude-code": _claude_traces(stores),
        "codex": _codex_traces(places["codex"][0].parent, budget),
    }
    return LogReport(
        retention=[_retention(db, rule, store.logs) for rule, store in rules],
        only_copies=len(copies.gone),
        unreachable=len(copies.unreachable),
        lost=[] if budget.is_spent else _lost(db, traces),
        is_complete=not budget.is_spent,
    )


def _retention(db: SessionDB, rule: Rule, logs: Sequence[Log]) -> Retention:
    if rule.days is None:
        return Retention(rule, len(logs), 0, 0)
    oldest = time.time() + (SOON_DAYS - rule.days) * _DAY
    vanishing = [log for log in logs if log.mtime < oldest]
    known = db.imported_sizes(log.path for log in vanishing)
    missing = sum(known.get(log.path) != (log.size, log.mtime_ns) for log in vanishing)
    return Retention(rule, len(logs), len(vanishing), missing)


@dataclass
class _Traces:
    """Ids of sessions: those that have a log, those of folders without one, and those in a history."""

    logs: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    prompts: set[str] = field(default_factory=set)


def _claude_traces(stores: Sequence[tuple[Path, Store]]) -> _Traces:
    traces = _Traces()
    for place, store in stores:
        traces.logs |= store.ids
        traces.folders |= store.bereft
        traces.prompts |= ids_in_history(place.parent / "history.jsonl")
    return traces


def _codex_traces(home: Path, budget: Budget) -> _Traces:
    history = home / "history.jsonl"
    if not os.path.exists(history):
        return _Traces()
    return _Traces(codex_ids(home, budget), set(), ids_in_history(history))


def _lost(db: SessionDB, traces: Mapping[str, _Traces]) -> list[Lost]:
    found = []
    prompts_only = db.sessions.prompts_only()
    for agent, trace in traces.items():
        prompts = (trace.prompts | {id for id, name in prompts_only.items() if name == agent}) - trace.logs
        folders = trace.folders - trace.logs
        known = db.sessions.known(prompts | folders)
        lost = (prompts | folders) - known
        if lost:
            found.append(Lost(agent, len(lost), len(folders & lost), len(prompts & lost)))
    return found
