"""import --explain: which formats were considered for each file, and why one was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sessiondb.chat.text import visible
from sessiondb.cli.record_fields import fields_of
from sessiondb.cli.render import show_json, show_text

if TYPE_CHECKING:
    from sessiondb.records import ExplainedFile


def explain(sources: Sequence[str], as_json: bool) -> None:
    """Print what the importers say of each file. Nothing is imported."""
    from sessiondb.database import SessionDB

    found = SessionDB.explain_import(*sources)
    if as_json:
        show_json([fields_of(one) for one in found])
    else:
        show_text(line for one in found for line in _in_words(one))


def _in_words(file: ExplainedFile) -> Iterator[str]:
    yield visible(f"{file.path}: {file.format or 'not imported'}, {file.reason}")
    for verdict in ("certain", "perhaps"):
        for name, said in file.verdicts.items():
            if said == verdict:
                yield f"  {verdict}: {name}. {file.looks_for[name]}"
    others = [name for name, said in file.verdicts.items() if said == "no"]
    if others:
        yield f"  no: {', '.join(others)}"
