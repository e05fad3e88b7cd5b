"""The importers, one file a format, and the choice among them. See base.py for how to write one."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from sessiondb.errors import InvalidInput, SessionDBError
from sessiondb.importers.detect import MOST_LINES, Sample

if TYPE_CHECKING:
    from sessiondb.importers.base import Importer
    from sessiondb.importers.registered import Registered

# In the order they are asked, the most common first. Further ones come from the entry-point group
# `sessiondb.importers`: those of other distributions, and of ours the one that shows that it works, sharegpt.
_MODULES = (
    "claude_code",
    "codex",
    "codex.legacy",
    "nanobot",
    "hermes",
    "agentloop",
    "dealix",
    "gemini",
    "opencode",
    "llm",
    "openai_agents",
    "chatgpt",
    "claude_ai",
    "sessiondb_export",
    "openai_chat",
)
CERTAIN = 2

# Registered importers of whose `sniff` the log was told.
_blamed: set[str] = set()


@cache
def _ours() -> tuple[Importer, ...]:
    return tuple(cast("Importer", import_module(f"{__name__}.{module}")) for module in _MODULES)


@cache
def _registered() -> Registered:
    from sessiondb.importers.registered import registered

    found = registered([candidate.name for candidate in _ours()])
    for reason in found.refused:
        _warn(reason)
    return found


@cache
def importers() -> tuple[Importer, ...]:
    """Return all importers, ours first, then those that are registered.

    Of those that cannot be used the log is told, once.
    """
    return _ours() + _registered().importers


def importer(name: str) -> Importer:
    """Return the importer of a format. Raises InvalidInput for an unknown name."""
    for candidate in importers():
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted({candidate.name for candidate in importers()}))
    also = "".join(f"; {reason}" for reason in _registered().refused)
    raise InvalidInput(f"there is no format {name!r}: choose one of {known}{also}")


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
            score = _score(candidate, sample)
            if score == CERTAIN:
                return candidate
            if score and perhaps is None:
                perhaps = candidate
        if len(lines) < count:
            break
    return perhaps


def _score(candidate: Importer, sample: Sample) -> int:
    """Ask an importer. A mistake in a registered one is its own, and keeps no other from the file."""
    try:
        return candidate.sniff(sample)
    except (OSError, SessionDBError):
        raise
    except Exception as error:
        if candidate in _ours():
            raise
        if candidate.name not in _blamed:
            _blamed.add(candidate.name)
            _warn(
                f"the importer {candidate.name!r} cannot tell whether a file is its own, and is passed over then:"
                f" {type(error).__name__}: {error}"
            )
        return 0


def _warn(reason: str) -> None:
    import logging

    logging.getLogger("sessiondb").warning("%s", reason)
