"""Every example of docs/library.md runs and prints what it says, and every public name of SessionDB has one."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.ingest import freshness
from tests.helpers.clock import PausingClock

PAGE = (Path(__file__).parents[1] / "docs" / "library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

# What is printed: the comment after a print, or the lines of comments below a loop.
SHOWN = re.compile(r"^ *print\(.*\)  +# (.+)$|^# (.+)$", re.MULTILINE)

OPTIONAL = {"sessiondb.adapters.langchain": "langchain_core"}
"""Modules that need a package which need not be installed."""


class Examples:
    """The examples in the order of the page, each run once: what one defines the next ones use."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self._printed: list[list[str]] = []

    def printed(self, number: int) -> list[str]:
        """Return what an example prints; those before it are run before it."""
        while len(self._printed) <= number:
            code = BLOCKS[len(self._printed)]
            # Blank lines before it let a traceback name the line of the page.
            line = PAGE[: PAGE.index(code)].count("\n")
            output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
            self._printed.append([])
            if is_runnable(code):
                with contextlib.redirect_stdout(output):
                    exec(compile("\n" * line + code, "docs/library.md", "exec"), self.names)
            output.seek(0)
            self._printed[-1] = output.read().splitlines()
        return self._printed[number]


def is_runnable(code: str) -> bool:
    return all(find_spec(package) for module, package in OPTIONAL.items() if module in code)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Iterator[Examples]:
    """Lend the examples, in a folder with logs."""
    folder = tmp_path_factory.mktemp("library")
    shutil.copytree(samples / "codex" / "sessions", folder / "logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # What gives up after a second does so on no busy machine.
        patch.setattr(freshness, "time", PausingClock())
        made = Examples()
        yield made
    for value in made.names.values():
        if isinstance(value, SessionDB):
            value.close()


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_prints_what_it_says(number: int, examples: Examples) -> None:
    code = BLOCKS[number]
    if not is_runnable(code):
        pytest.skip("a package that it uses is not installed")

    printed = examples.printed(number)

    expected = [after or below for after, below in SHOWN.findall(code)]
    assert [text for text in expected if text not in printed] == []
    if "sys.stdout" not in code:
        assert printed == expected


def test_every_public_name_has_an_example() -> None:
    code = "".join(BLOCKS)
    public = [name for name in (*dir(SessionDB), "path", "connection") if not name.startswith("_")]

    assert [name for name in public if not re.search(rf"\b(db|SessionDB)\.{name}\b", code)] == []
