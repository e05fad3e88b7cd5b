"""Whatever stands in a log, a query, a time or a text: an error of ours or none, in time that its length explains.

A soak tries many more of each, and the real logs where there are any.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
import time
import unicodedata
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessiondb import timestamps
from sessiondb.chat.text import one_line, shown, visible
from sessiondb.errors import InvalidInput, SessionDBError
from sessiondb.importers import importers
from sessiondb.importers.base import Importer
from sessiondb.importers.files.source import Source
from sessiondb.ingest.reading import Request, _reader
from sessiondb.query.parse import parse
from sessiondb.redaction.redact import redact, without_secrets
from tests.conftest import corpus_folder
from tests.helpers.odd_values import HOSTILE, ODD

pytestmark = pytest.mark.safety

IS_SOAK = bool(os.environ.get("SESSIONDB_SOAK"))
EXAMPLES = int(os.environ.get("SESSIONDB_FUZZ", "20000" if IS_SOAK else "150"))
# A tenth of a second for a whole log, half of that for a text; the short form allows for machines that are busy.
SLACK = 1 if IS_SOAK else 10
SECONDS_PER_64_KIB, SECONDS_PER_LOG = 0.05 * SLACK, 0.1 * SLACK
BLOCK = 64 * 1024
LARGEST = 300_000
DATA = Path(__file__).parents[1] / "data"

many = settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


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
    pytest.fail(f"{what} took {took:.2f} s for {size:,} bytes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all tries share."""
    return tmp_path_factory.mktemp("fuzz")


@many
@given(number=st.integers(0, 2**32))
def test_no_log_makes_an_importer_fail_of_anything_but_an_error_of_ours(folder: Path, number: int) -> None:
    chance = random.Random(number)
    path, reader = chance.choice(seeds())
    if chance.random() < 0.1:
        reader = chance.choice(importers())
    file = folder / path.name
    data = changed(path, chance)
    file.write_bytes(data)

    def read() -> None:
        try:
            for _ in reader.read(Source(file)):
                pass
        except SessionDBError:
            pass

    check_time(f"{reader.name} reading {path.name} changed by {number}", len(data), read, SECONDS_PER_LOG)


WORDS = st.sampled_from(
    [
        *[
            "yesterday",
            "7d",
            "2026-03",
            "T09:15",
            "Z",
            "+02:00",
            "last",
            "march",
            "agent:",
            "project:",
            "since:",
        ],
        *[
            "OR",
            "AND",
            "NOT",
            "-x",
            '"',
            "(",
            ")",
            "-",
            "*",
            "^",
            ":",
            "{",
            "}",
            "\\",
            "船",
            "é",
            "\u200f",
            "\x1b[31m",
        ],
        " ",
    ]
)
TYPED = st.one_of(
    st.text(max_size=200),
    st.lists(WORDS, max_size=20).map("".join),
    st.lists(WORDS, max_size=20).map(" ".join),
)


@many
@given(text=TYPED)
def test_every_query_can_be_parsed(text: str) -> None:
    check_time("parsing a query", len(text), lambda: parse(text))


@many
@given(text=TYPED)
def test_a_time_is_read_or_refused(text: str) -> None:
    for read in (timestamps.parse_moment, timestamps.parse_end, timestamps.parse_range, timestamps.normalise):
        with contextlib.suppress(InvalidInput):
            read(text)


@many
@given(text=st.text(max_size=500))
def test_nothing_that_is_shown_drives_a_terminal(text: str) -> None:
    for safe in (visible(text), shown(text), one_line(text)):
        assert [c for c in safe if unicodedata.category(c) == "Cc" and c not in "\n\t"] == []
    assert visible(visible(text)) == visible(text)


@many
@given(text=st.one_of(st.text(max_size=500), st.lists(WORDS, max_size=20).map("=".join)))
def test_redaction_comes_to_an_end(text: str) -> None:
    for clean in (redact, without_secrets):
        assert clean(clean(text)) == clean(text)


PIECES = [
    "a", " ", "=", "-", "\\", '"', "'", "{", "[", "<", "&", "/", "@", ":", ".", "0", "\n", "é", "船", "\u202e",
    "\x1b[31m", "eyJ", "sk-", "password", "password=", "password: ", "api_key=", "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----\n", "://", "a@", "a.", "Bearer ", "AKIA", "token", '"token": "', "secret\\n",
    "cookie: a=", "<system-reminder>", "```", "(a ", 'OR "', "1d ",
]  # fmt: skip
FILTERS: dict[str, Callable[[str], Any]] = {
    "redact": redact, "without_secrets": without_secrets, "visible": visible, "shown": shown, "one_line": one_line,
    "parse": parse, "normalise": timestamps.normalise,
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_no_repetition_takes_long(name: str) -> None:
    for piece in PIECES:
        for text in (piece * (BLOCK // len(piece)), "x" + piece * (BLOCK // len(piece)) + "y"):
            check_time(f"{name} of {piece!r}", BLOCK, partial(FILTERS[name], text))


@pytest.mark.parametrize("piece", PIECES)
def test_no_repetition_in_a_log_takes_long(tmp_path: Path, piece: str) -> None:
    text = piece * (BLOCK // len(piece))
    for path, reader in seeds()[:: 1 if IS_SOAK else 4]:
        if path.suffix != ".jsonl":
            continue
        line = next((line for line in path.read_text("utf-8").splitlines() if '"user"' in line), None)
        if line is None:
            continue
        file = tmp_path / path.name
        file.write_text(json.dumps(_with_text(json.loads(line), text)) + "\n", encoding="utf-8")

        def read(reader: Importer = reader, file: Path = file) -> None:
            try:
                for _ in reader.read(Source(file)):
                    pass
            except SessionDBError:
                pass

        check_time(f"{reader.name} reading {piece!r}", file.stat().st_size, read)
    sys.stdout.write(f"{piece!r}\n")


def _with_text(value: Any, text: str) -> Any:
    """Return a value with a text in place of each longer one in it."""
    if isinstance(value, dict):
        return {key: _with_text(inner, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_text(inner, text) for inner in value]
    return text if isinstance(value, str) and " " in value else value
