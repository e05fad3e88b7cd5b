"""Read the exports of chat services: a `conversations.json`, or a zip file with one or several in it.

The exports of ChatGPT and Claude.ai are one array of conversations, often hundreds of megabytes on one line.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from sessiondb.errors import ImportFailed
from sessiondb.importers.files.json_stream import elements
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import open_bytes

ZIP_MAGIC = b"PK\x03\x04"
_MEMBER = re.compile(r"(?:.*/)?conversations(?:[-_]\d+)?\.json")
_LOOKED_AT = 3


def conversations(path: Path, report: Callable[[str], None]) -> Generator[Any, None, None]:
    """Yield the conversations of an export, from the zip file or from a `conversations.json` out of it.

    Raises ImportFailed where a zip file cannot be read or holds none.
    """
    try:
        if not _is_zip(path):
            with open_bytes(path) as handle:
                yield from elements(handle, report)
            return
        with ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if _MEMBER.fullmatch(name))
            if not names:
                raise ImportFailed(f"{path} has no conversations.json: it is not an export of conversations")
            for name in names:
                with archive.open(name) as member:
                    yield from elements(member, partial(_report_of, report, name))
    # What zipfile raises for damage, for encryption and for compression that they do not know.
    except (BadZipFile, EOFError, zlib.error, RuntimeError, NotImplementedError) as error:
        raise ImportFailed(f"{path} cannot be unpacked: {error}") from error


def first_conversations(sample: Sample) -> list[dict[str, Any]]:
    """Return the first few conversations of what may be an export, [] where it is none."""
    head = sample.head.lstrip()
    if head.startswith(b"{"):
        return [sample.document] if isinstance(sample.document, dict) else []
    if not head.startswith((b"[", ZIP_MAGIC)):
        return []
    try:
        with closing(conversations(sample.path, lambda reason: None)) as found:
            return [value for value in islice(found, _LOOKED_AT) if isinstance(value, dict)]
    except ImportFailed:
        return []


def _report_of(report: Callable[[str], None], member: str, reason: str) -> None:
    report(f"{member}: {reason}")


def _is_zip(path: Path) -> bool:
    with open(path, "rb") as handle:
        return handle.read(len(ZIP_MAGIC)) == ZIP_MAGIC
