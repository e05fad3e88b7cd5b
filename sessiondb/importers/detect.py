"""Tell a file's format by its content; the file's name is only a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessiondb.errors import ImportFailed, SessionDBError
from sessiondb.importers import built_in, importers, warn
from sessiondb.importers.files.sample import MAX_LINES, Sample
from sessiondb.importers.foreign import NotReadYet, owner_of

if TYPE_CHECKING:
    from sessiondb.importers.base import Importer

CERTAIN = 2
"""What `sniff` returns where nothing else known looks so."""

# Registered importers of whose `sniff` the log was told.
_blamed: set[str] = set()


def detect(sample: Sample) -> Importer | None:
    """Return the importer whose format the sample is, None where it is of none.

    Lines are shown to the importers a few at a time, so that most files are told by their first line; one
    that is certain wins at once, one that says "perhaps" only when no other is certain of the first 50
    lines.
    """
    perhaps = None
    shown = 0
    for count in (1, 3, 10, MAX_LINES):
        lines = sample.lines_up_to(count)
        owner = owner_of(sample, shown)
        shown = len(lines)
        for candidate in importers():
            if owner is not None and candidate in built_in():
                continue
            score = _score(candidate, sample)
            if score == CERTAIN:
                return candidate
            if score and perhaps is None:
                perhaps = candidate
        if owner is not None:
            raise NotReadYet(owner)
        if len(lines) < count:
            break
    return perhaps


def scores(sample: Sample) -> dict[str, int]:
    """Return what each importer says of the first 50 lines of a file, by its format: 0 no, 1 perhaps, 2 for certain."""
    sample.lines_up_to(MAX_LINES)
    return {candidate.name: _score(candidate, sample) for candidate in importers()}


def check_named(named: Importer, sample: Sample) -> None:
    """Raise ImportFailed where a file is rather of another format than the one that a person named.

    A format of another distribution is believed as it is named.
    """
    sample.lines_up_to(MAX_LINES)
    score = _score(named, sample)
    if named not in built_in() or score == CERTAIN:
        return
    owner = owner_of(sample)
    if owner is not None:
        raise NotReadYet(owner)
    told = scores(sample)
    other = max(told, key=lambda name: told[name])
    if told[other] > score:
        raise ImportFailed(f"is of the format {other}, not {named.name}: import it without a format")


def _score(candidate: Importer, sample: Sample) -> int:
    """Ask an importer. A mistake in a registered one is its own, and keeps no other from the file."""
    try:
        return candidate.sniff(sample)
    except (OSError, SessionDBError):
        raise
    except Exception as error:
        if candidate in built_in():
            raise
        if candidate.name not in _blamed:
            _blamed.add(candidate.name)
            warn(
                f"the importer {candidate.name!r} cannot tell whether a file is its own, and is passed over then:"
                f" {type(error).__name__}: {error}"
            )
        return 0
