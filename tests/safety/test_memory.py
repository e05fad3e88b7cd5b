"""No file that is read takes more memory than is said in docs/importers.md, whatever stands in it.

A soak tries every importer; the short form one of each kind: lines, a document, an array read piece by piece.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sessiondb.importers.files.limits import MAX_LINE, MIB
from tests.safety.fuzzing import entry_of, seeds, with_text

pytestmark = [
    pytest.mark.safety,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells a process's memory"),
]
ROOT = Path(__file__).parents[2]
IS_SOAK = bool(os.environ.get("SESSIONDB_SOAK"))

MEMORY = 512 * MIB
"""Bytes that reading any file may take more than Python and the importers have themselves."""

PLACE = "where the long text goes"
SHORT_FORM = ("claude-code", "dealix", "hermes")


class Read(NamedTuple):
    """What reading a file gave."""

    records: int
    problems: list[tuple[int | None, str]]
    error: str | None
    peak: int

    @property
    def reasons(self) -> str:
        """All that was said of the file."""
        return "; ".join([*(reason for _, reason in self.problems), self.error or ""])


def read(name: str, path: Path) -> Read:
    """Read a file in a process that has no more memory than that."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.safety.reading_worker", name, path, str(MEMORY)],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = Read(**json.loads(done.stdout))
    sys.stdout.write(f"{name}: {path.stat().st_size / MIB:.0f} MiB, {found.peak / MIB:.0f} MiB more memory\n")
    return found


def samples() -> dict[str, Path]:
    """Return by importer a log of lines or a JSON document that it reads; in the short form of a few."""
    found = {reader.name: path for path, reader in reversed(seeds()) if path.suffix in (".jsonl", ".json")}
    return {name: path for name, path in sorted(found.items()) if IS_SOAK or name in SHORT_FORM}


def write_with(sample: Path, target: Path, text: str) -> int:
    """Write a log with a text in one of its places, and return in which line."""
    lines = (
        sample.read_text("utf-8").splitlines() if sample.suffix == ".jsonl" else [sample.read_text("utf-8")]
    )
    long = [at for at, line in enumerate(lines) if any(_texts(entry_of(line)))]
    number = next((at for at in long if '"user"' in lines[at]), long[0])
    line = json.dumps(_with_last(json.loads(lines[number])))
    before, place, after = line.partition(PLACE)
    assert place, "the text is in no place"
    with target.open("w", encoding="utf-8") as file:
        file.writelines(f"{each}\n" for each in lines[:number])
        file.write(before)
        for start in range(0, len(text), MIB):
            file.write(text[start : start + MIB])
        file.write(f"{after}\n")
        file.writelines(f"{each}\n" for each in lines[number + 1 :])
    return number + 1


def _with_last(value: Any) -> Any:
    """Return a value in which the longest text of several words is another one."""
    return with_text(value, PLACE, only=max(_texts(value), key=len))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and " " in value:
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize("letter", ["x", "\U0001f6a2"] if IS_SOAK else ["\U0001f6a2"])
def test_a_text_of_almost_the_longest_line_takes_no_more_memory_than_is_said(
    tmp_path: Path, name: str, letter: str
) -> None:
    target = tmp_path / samples()[name].name
    write_with(samples()[name], target, letter * ((MAX_LINE - 2 * MIB) // len(letter.encode())))
    read(name, target)


@pytest.mark.parametrize("name", samples())
def test_what_is_longer_is_refused_with_its_number_and_the_limit(tmp_path: Path, name: str) -> None:
    sample = samples()[name]
    target = tmp_path / sample.name
    line = write_with(sample, target, "x" * (MAX_LINE + 2 * MIB))
    found = read(name, target)
    if sample.suffix == ".jsonl":
        assert (line, "is longer than 64 MiB and is not read") in [tuple(each) for each in found.problems]
    else:
        assert re.search(r"(32|64) MiB|33554432 characters", found.reasons), found.reasons


BOMBS: dict[str, Callable[[int], bytes]] = {
    "values": lambda number: b"[" + b"0," * (number // 2) + b"0]",
    "depth": lambda number: b"[" * number,
    "objects": lambda number: b'{"a":' * (number // 5),
    "keys": lambda number: b"{" + b",".join(b'"%d":0' % at for at in range(number // 12)) + b"}",
    "escapes": lambda number: b'{"type": "user", "a": "' + b"\\ud83d\\udea2" * (number // 12) + b'"}',
    "no end": lambda number: b'"' + b"x" * number,
}


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize("bomb", BOMBS if IS_SOAK else ["values", "depth"])
def test_a_line_of_values_without_end_takes_no_more_memory_than_is_said(
    tmp_path: Path, name: str, bomb: str
) -> None:
    target = tmp_path / samples()[name].name
    target.write_bytes(BOMBS[bomb](MAX_LINE - MIB) + b"\n")
    read(name, target)


@pytest.mark.parametrize("name", samples())
def test_what_a_small_packed_file_gives_without_end_is_stopped_at_a_limit_that_is_named(
    tmp_path: Path, name: str
) -> None:
    sample = samples()[name]
    target = tmp_path / f"{sample.name}.gz"
    with gzip.open(target, "wb", compresslevel=1) as file:
        file.write(sample.read_bytes().rstrip()[: -1 if sample.suffix == ".json" else None])
        for _ in range(1100 if IS_SOAK else 80):
            file.write(b" " * MIB)
    found = read(name, target)
    assert re.search(r"\d+ MiB", found.reasons), found.reasons


@pytest.mark.parametrize("name", samples())
def test_a_file_of_utf_16_is_read_up_to_a_limit_that_is_named(tmp_path: Path, name: str) -> None:
    target = tmp_path / samples()[name].name
    with target.open("wb") as file:
        file.write(b"\xff\xfe")
        for _ in range(35):
            file.write(" ".encode("utf-16-le") * MIB)
    assert "more than 64 MiB" in read(name, target).reasons
