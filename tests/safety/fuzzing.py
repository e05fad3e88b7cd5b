"""What is fuzzed: each target takes any text, or the bytes of any log, and fails of what it must never do.

The tests call the targets with what hypothesis makes up, `scripts/fuzz` with what atheris does where it is installed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import tempfile
import time
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from sessiondb import timestamps
from sessiondb.chat.redaction.redact import redact, without_secrets
from sessiondb.chat.text import one_line, shown, visible
from sessiondb.errors import InvalidInput, SessionDBError
from sessiondb.importers.base import Importer
from sessiondb.importers.files.source import Source
from sessiondb.ingest.reading import Request, _reader
from sessiondb.query.parse import parse
from tests.conftest import corpus_folder
from tests.helpers.odd_values import HOSTILE, ODD

IS_SOAK = bool(os.environ.get("SESSIONDB_SOAK"))
# A tenth of a second for a whole log, half of that for a text, as a soak measures it; the short form is failed by what
# has no end alone.
SLACK = 1 if IS_SOAK else 1000
SECONDS_PER_64_KIB, SECONDS_PER_LOG = 0.05 * SLACK, 0.1 * SLACK
BLOCK = 64 * 1024
LARGEST = 300_000
DATA = Path(__file__).parents[1] / "data"


def parse_query(text: str) -> None:
    """Parse a query: any text is one."""
    check_time("parsing a query", len(text), lambda: parse(text))


def read_time(text: str) -> None:
    """Read a time: there is one, or InvalidInput says that there is none."""
    for read in (timestamps.parse_moment, timestamps.parse_end, timestamps.parse_range, timestamps.normalise):
        with contextlib.suppress(InvalidInput):
            read(text)


def show(text: str) -> None:
    """Show a text: nothing in it drives a terminal."""
    for safe in (visible(text), shown(text), one_line(text)):
        assert [c for c in safe if unicodedata.category(c) == "Cc" and c not in "\n\t"] == []
    assert visible(visible(text)) == visible(text)


def take_secrets_out(text: str) -> None:
    """Redact a text: what is redacted stays as it is."""
    for clean in (redact, without_secrets):
        assert clean(clean(text)) == clean(text)


def read_log(reader: Importer, file: Path, what: str = "a log") -> None:
    """Read a log: errors are ours, and its length explains the time."""

    def read() -> None:
        with contextlib.suppress(SessionDBError):
            for _ in reader.read(Source(file)):
                pass

    check_time(f"{reader.name} reading {what}", file.stat().st_size, read, SECONDS_PER_LOG)


def log_reader(reader: Importer) -> Callable[[bytes], None]:
    """Return a target that reads bytes as a log of a format, named as its first sample is."""
    folder = Path(tempfile.mkdtemp(prefix="sessiondb-fuzz-"))
    file = folder / next((path.name for path, known in seeds() if known is reader), "log.jsonl")

    def target(data: bytes) -> None:
        file.write_bytes(data)
        read_log(reader, file)

    return target


TEXTS: dict[str, Callable[[str], None]] = {
    "query": parse_query,
    "time": read_time,
    "terminal": show,
    "redaction": take_secrets_out,
}


@cache
def seeds() -> list[tuple[Path, Importer]]:
    """Return logs, each with the importer that reads it."""
    folders = [DATA, *(corpus_folder().with_name(name) for name in ("corpus", "corpus-next") if IS_SOAK)]
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*.json*")):
            size = path.stat().st_size if path.is_file() else LARGEST
            # Logs of agents that nobody reads yet are told so.
            with contextlib.suppress(SessionDBError):
                if 0 < size < LARGEST and (reader := _reader(Request(str(path), size), Source(path))):
                    found.append((path, reader))
    return found


def changed(path: Path, chance: random.Random) -> bytes:
    """Return a log with a few values, or bytes, that do not belong there."""
    data = path.read_bytes()
    if chance.random() < 0.2:
        spoilt = bytearray(data)
        for _ in range(chance.randint(1, 20)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        return bytes(spoilt[: chance.randrange(len(spoilt) + 1)] if chance.random() < 0.3 else spoilt)
    text = data.decode("utf-8", "replace")
    parts = [text] if path.suffix == ".json" else text.splitlines()
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(parts))
        try:
            parts[at] = json.dumps(_with_odd_value(json.loads(parts[at]), chance))
        except (ValueError, RecursionError):
            parts[at] = parts[at][: chance.randrange(len(parts[at]) + 1)]
    return "\n".join(parts).encode("utf-8", "surrogatepass") + b"\n"


def _with_odd_value(value: Any, chance: random.Random) -> Any:
    place = chance.choice(list(_places(value)))
    if not place:
        return chance.choice(ODD + HOSTILE)
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    if chance.random() < 0.2:
        del inner[place[-1]]
    else:
        inner[place[-1]] = chance.choice(ODD + HOSTILE)
    return value


def _places(value: Any, above: tuple[Any, ...] = ()) -> Any:
    yield above
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield from _places(value[key], (*above, key))


def check_time(what: str, size: int, run: Callable[[], Any], seconds: float = SECONDS_PER_64_KIB) -> None:
    """Run something, once more where it took long, and fail where its length does not explain it."""
    allowed = seconds * max(1.0, size / BLOCK)
    for _ in range(3):
        begin = time.process_time()
        run()
        took = time.process_time() - begin
        if took <= allowed:
            return
    raise AssertionError(f"{what} took {took:.2f} s for {size:,} bytes")


def entry_of(line: str) -> Any:
    """Return what a line of a log says; None for one that is no JSON, as some samples are broken on purpose."""
    with contextlib.suppress(ValueError):
        return json.loads(line)
    return None


def with_text(value: Any, text: str, only: str | None = None) -> Any:
    """Return a value with a text in place of each one of several words in it, or of one of them."""
    if isinstance(value, dict):
        return {key: with_text(inner, text, only) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_text(inner, text, only) for inner in value]
    return text if isinstance(value, str) and (" " in value if only is None else value == only) else value
