"""Tell the folder of a workspace, as VS Code and the editors made from it note it in `workspace.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sessiondb.chat.content import text_or_none
from sessiondb.importers.files.json_lines import object_of
from sessiondb.importers.files.small import bytes_beside
from sessiondb.importers.files.uris import place_of

_FOLDERS = ("folder", "workspace", "configuration")


def folder_of(workspace: Path) -> tuple[str | None, str | None]:
    """Return the folder that a `workspace.json` names, and the machine that it is on, if it is another."""
    try:
        known = object_of(json.loads(bytes_beside(workspace)))
    except (OSError, ValueError, RecursionError):
        return None, None
    uri = next(filter(None, (text_or_none(known.get(key)) for key in _FOLDERS)), None)
    if uri is None:
        return None, None
    folder, remote = place_of(uri)
    if folder and folder.endswith(".code-workspace"):
        folder = os.path.dirname(folder)
    return folder or None, remote
