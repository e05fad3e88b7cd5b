"""Say which formats were considered for a file, and why one was chosen, without importing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sessiondb.errors import SessionDBError
from sessiondb.importers import importers
from sessiondb.importers.detect import CERTAIN, detect, scores
from sessiondb.importers.files.sample import Sample
from sessiondb.ingest.discovery import Refused, discover
from sessiondb.ingest.places import expanded
from sessiondb.ingest.reading import in_words
from sessiondb.records import ExplainedFile

if TYPE_CHECKING:
    from os import PathLike

_VERDICTS = ("no", "perhaps", "certain")


def explain(sources: Sequence[str | PathLike[str]]) -> Iterator[ExplainedFile]:
    """Yield for each file below the sources what the importers say of it."""
    for found in discover(expanded(sources)):
        if isinstance(found, Refused):
            yield ExplainedFile(found.name, None, found.reason)
        else:
            yield _explained(found.name, Path(found.path))


def _explained(name: str, path: Path) -> ExplainedFile:
    try:
        sample = Sample(path)
        if sample.is_empty:
            return ExplainedFile(name, None, "is empty")
        chosen = detect(sample)
        told = scores(sample)
    except (SessionDBError, OSError) as error:
        return ExplainedFile(name, None, in_words(error, name))
    verdicts = {format: _VERDICTS[max(0, min(score, CERTAIN))] for format, score in told.items()}
    looks_for = {one.name: _first_line(one.sniff.__doc__) for one in importers() if told[one.name]}
    if chosen is None:
        reason = "no format knows it"
    elif told[chosen.name] < CERTAIN:
        reason = "no format is certain, and this is the first that says perhaps"
    elif sum(score == CERTAIN for score in told.values()) == 1:
        reason = "the only format that is certain"
    else:
        reason = "the first format that is certain"
    return ExplainedFile(name, chosen.name if chosen else None, reason, verdicts, looks_for)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
