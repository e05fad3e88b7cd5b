"""Whatever stands in a log, a query, a time or a text: an error of ours or none, in time that its length explains.

A soak tries many more of each, and the real logs where there are any.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessiondb import timestamps
from sessiondb.chat.redaction.redact import redact, without_secrets
from sessiondb.chat.text import one_line, shown, visible
from sessiondb.errors import SessionDBError
from sessiondb.importers import importers
from sessiondb.importers.base import Importer
from sessiondb.importers.files.source import Source
from sessiondb.query.parse import parse
from tests.safety.fuzzing import (
    BLOCK,
    IS_SOAK,
    changed,
    check_time,
    entry_of,
    parse_query,
    read_log,
    read_time,
    seeds,
    show,
    take_secrets_out,
    with_text,
)

pytestmark = pytest.mark.safety

EXAMPLES = int(os.environ.get("SESSIONDB_FUZZ", "10000" if IS_SOAK else "150"))
many = settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def counted(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """Count the inputs that hypothesis makes up."""
    if hasattr(request.function, "hypothesis"):
        record_property("inputs tried", EXAMPLES)


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
    file.write_bytes(changed(path, chance))
    read_log(reader, file, f"{path.name} changed by {number}")


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
    parse_query(text)


@many
@given(text=TYPED)
def test_a_time_is_read_or_refused(text: str) -> None:
    read_time(text)


@many
@given(text=st.text(max_size=500))
def test_nothing_that_is_shown_drives_a_terminal(text: str) -> None:
    show(text)


@many
@given(text=st.one_of(st.text(max_size=500), st.lists(WORDS, max_size=20).map("=".join)))
def test_redaction_comes_to_an_end(text: str) -> None:
    take_secrets_out(text)


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
            check_time(f"{name} of {piece!r}", len(text.encode()), partial(FILTERS[name], text))


@pytest.mark.parametrize("piece", PIECES)
def test_no_repetition_in_a_log_takes_long(tmp_path: Path, piece: str) -> None:
    text = piece * (BLOCK // len(piece))
    for path, reader in seeds()[:: 1 if IS_SOAK else 4]:
        if path.suffix != ".jsonl":
            continue
        lines = path.read_text("utf-8", "replace").splitlines()
        entry = next(filter(None, (entry_of(line) for line in lines if '"user"' in line)), None)
        if entry is None:
            continue
        file = tmp_path / path.name
        file.write_text(json.dumps(with_text(entry, text)) + "\n", encoding="utf-8")

        def read(reader: Importer = reader, file: Path = file) -> None:
            try:
                for _ in reader.read(Source(file)):
                    pass
            except SessionDBError:
                pass

        check_time(f"{reader.name} reading {piece!r}", file.stat().st_size, read)
    sys.stdout.write(f"{piece!r}\n")
