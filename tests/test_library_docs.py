"""Every example of docs/library.md runs and prints what it says, and every public name of SessionDB has one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB

PAGE = (Path(__file__).parents[1] / "docs" / "library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

# What is printed: the comment after a print, or the lines of comments below a loop.
SHOWN = re.compile(r"^ *print\(.*\)  +# (.+)$|^# (.+)$", re.MULTILINE)

OPTIONAL = {"sessiondb.adapters.langchain": "langchain_core"}
"""Modules that need a package which need not be installed."""


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Iterator[dict[str, Any]]:
    """Yield what the examples have defined so far, in a folder with logs."""
    folder = tmp_path_factory.mktemp("library")
    shutil.copytree(samples / "codex" / "sessions", folder / "logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        defined: dict[str, Any] = {}
        yield defined
    for value in defined.values():
        if isinstance(value, SessionDB):
            value.close()


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_prints_what_it_says(
    number: int, names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code = BLOCKS[number]
    for module, package in OPTIONAL.items():
        if module in code and find_spec(package) is None:
            pytest.skip(f"{package} is not installed")

    # Blank lines before it let a traceback name the line of the page.
    line = PAGE[: PAGE.index(code)].count("\n")
    exec(compile("\n" * line + code, "docs/library.md", "exec"), names)

    expected = [after or below for after, below in SHOWN.findall(code)]
    printed = capsys.readouterr().out.splitlines()
    assert [text for text in expected if text not in printed] == []
    if "sys.stdout" not in code:
        assert printed == expected


def test_every_public_name_has_an_example() -> None:
    code = "".join(BLOCKS)
    public = [name for name in (*dir(SessionDB), "path", "connection") if not name.startswith("_")]

    assert [name for name in public if not re.search(rf"\b(db|SessionDB)\.{name}\b", code)] == []
