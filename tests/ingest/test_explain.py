"""Which formats were considered for a file, and why one was chosen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sessiondb import SessionDB


def log(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value) + "\n", encoding="utf-8")
    return path


def test_a_certain_format_is_named_with_what_it_looks_for(samples: Path) -> None:
    told = SessionDB.explain_import(samples / "claude-code")[0]
    assert (told.format, told.reason) == ("claude-code", "the only format that is certain")
    assert told.verdicts["claude-code"] == "certain"
    assert told.verdicts["codex"] == "no"
    assert told.looks_for == {
        "claude-code": "Look for lines of the format's types and ids, or for a web session's only key."
    }


@pytest.mark.parametrize(
    ("value", "format", "reason"),
    [
        (
            [{"role": "user", "content": "Hi"}],
            "openai-chat",
            "no format is certain, and this is the first that says perhaps",
        ),
        ({"note": 1}, None, "no format knows it"),
        (
            {"id": "T-x", "messages": []},
            None,
            "is a log of Amp, which sessiondb does not read yet",
        ),
    ],
)
def test_the_reason_says_why(tmp_path: Path, value: object, format: str | None, reason: str) -> None:
    (told,) = SessionDB.explain_import(log(tmp_path / "x.json", value))
    assert (told.format, told.reason) == (format, reason)


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    reasons = [one.reason for one in SessionDB.explain_import(tmp_path / "empty.jsonl", tmp_path / "gone")]
    assert reasons == ["is empty", "cannot be read: No such file or directory"]
