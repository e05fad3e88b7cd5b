"""The importers, one file a format, and the choice among them. See base.py for how to write one."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from sessiondb.errors import InvalidInput
from sessiondb.importers.detect import MOST_LINES, Sample

if TYPE_CHECKING:
    from sessiondb.importers.base import Importer

# In the order they are asked, the most common first. Further ones come from the entry-point group
# `sessiondb.importers`.
_MODULES = (
    "claude_code",
    "codex",
    "codex_legacy",
    "nanobot",
    "hermes",
    "agentloop",
    "dealix",
    "gemini",
    "opencode",
    "llm_logs",
    "openai_agents",
    "chatgpt",
    "claude_ai",
    "sharegpt",
    "sessiondb_export",
    "openai_chat",
)
GROUP = "sessiondb.importers"
CERTAIN = 2


@cache
def importers() -> tuple[Importer, ...]:
    """Return all importers, ours first, then those that other packages register."""
    from importlib.metadata import entry_points

    ours = [import_module(f"{__name__}.{module}") for module in _MODULES]
    theirs = [entry.load() for entry in entry_points(group=GROUP)]
    return tuple(cast("list[Importer]", ours + theirs))


def importer(name: str) -> Importer:
    """Return the importer of a format. Raises InvalidInput for an unknown name."""
    for candidate in importers():
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted({candidate.name for candidate in importers()}))
    raise InvalidInput(f"there is no format {name!r}: choose one of {known}")


def detect(sample: Sample) -> Importer | None:
    """Return the importer whose format the sample is, None where it is of none.

    Lines are shown to the importers a few at a time, so that most files are told by their first line; one
    that is certain wins at once, one that says "perhaps" only when no other is certain of the first 50
    lines.
    """
    perhaps = None
    for count in (1, 3, 10, MOST_LINES):
        lines = sample.lines_up_to(count)
        for candidate in importers():
            score = candidate.sniff(sample)
            if score == CERTAIN:
                return candidate
            if score and perhaps is None:
                perhaps = candidate
        if len(lines) < count:
            break
    return perhaps
