"""sessiondb web: what it refuses before it serves; how it serves is in tests/web."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb.web import serve

Run = Callable[..., Result]


def test_without_datasette_the_error_says_what_to_do(
    filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "find_spec", lambda name: None)

    result = run("web")

    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr.startswith(
        "Error: Datasette is not installed here: run `pip install 'sessiondb[web]'`"
    )


@pytest.mark.parametrize(
    ("option", "said"),
    [(("--host", "0.0.0.0"), "--share"), (("--reload",), "leave it out"), (("-p", "0"), "0")],
)
def test_what_would_let_others_in_is_refused(
    filled: Path, run: Run, option: tuple[str, ...], said: str
) -> None:
    result = run("web", *option)

    assert result.exit_code != 0
    assert said in result.stderr


def test_metadata_that_cannot_be_written_is_an_error(filled: Path, run: Run, tmp_path: Path) -> None:
    result = run("web", "--write-metadata", str(tmp_path / "no" / "file.json"))

    assert (result.exit_code, result.stderr.startswith("Error: cannot write ")) == (1, True)


def test_without_a_database_nothing_is_served(run: Run) -> None:
    assert run("web").exit_code == 1
