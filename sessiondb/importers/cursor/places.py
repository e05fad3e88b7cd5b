"""Which of Cursor's stores is believed, and the folder that a transcript's place stands for."""

from __future__ import annotations

import os
import re
from pathlib import Path

AGENT = "cursor"

# One session may stand in several stores; the one that says most of it is taken.
TEXT, TRANSCRIPT, STORE, WORKSPACE, EDITOR = 1, 2, 3, 4, 5

_NO_LETTER = re.compile(r"[^A-Za-z0-9]+")
_MOST_STEPS = 4096


def folder_of_transcript(path: Path) -> str | None:
    """Return the folder that a transcript's project is named after: `projects/home-me-roses/agent-transcripts/...`.

    Everything but letters and digits is "-" in that name, so it is looked for which folder it may be; None where
    there is none, or more than one.
    """
    parents = [parent for parent in path.parents if parent.parent.name == "projects"]
    if not parents or "agent-transcripts" not in path.parts:
        return None
    name = parents[0].name
    tops = [Path("/")]
    if os.name == "nt" and name[1:2] == "-":
        tops, name = [Path(f"{name[0].upper()}:\\")], name[2:]
    found = _below(tops, name)
    return str(found[0]) if len(found) == 1 else None


def _below(tops: list[Path], name: str) -> list[Path]:
    """Return the folders whose path below these is written as the name."""
    open, found, steps = [(top, name) for top in tops], list[Path](), 0
    while open and steps < _MOST_STEPS:
        top, rest = open.pop()
        steps += 1
        try:
            folders = [entry for entry in os.scandir(top) if entry.is_dir()]
        except OSError:
            continue
        for entry in folders:
            written = _NO_LETTER.sub("-", entry.name).strip("-")
            if written and rest == written:
                found.append(Path(entry.path))
            elif written and rest.startswith(f"{written}-"):
                open.append((Path(entry.path), rest[len(written) + 1 :]))
    return found
