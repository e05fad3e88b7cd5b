"""sessiondb reopen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]


def test_an_ended_session_is_open_again(filled: Path, run: Run) -> None:
    first, second = run("reopen", "3333"), run("reopen", "3333")

    assert (first.stdout, second.stdout) == ("reopened 33334444-fig\n", "33334444-fig is already open\n")
    with SessionDB(filled, read_only=True) as db:
        assert db.sessions.get("33334444-fig").is_open


def test_a_key_with_an_open_session_is_refused(filled: Path, run: Run) -> None:
    run("end", "11112222-ferry")
    with SessionDB(filled) as db:
        db.sessions.start("hermes", id="other", key="telegram:7")

    result = run("reopen", "11112222-ferry")

    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr == "Error: the key 'telegram:7' has an open session other: end it first\n"
