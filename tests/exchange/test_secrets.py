"""Secrets that lie in a database: counted by kind, never shown, and gone without a byte left once purged."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from sessiondb import SessionDB
from sessiondb.chat.redaction.redact import without_secrets
from tests.helpers.made_up_secrets import KINDS

KEY = "sk-ant-" + "api03-abcdefghijklmnopqrstuvwxyz0123456789ABCD-_x"
TOKEN = "ghp" + "_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database with a key in every column that holds text, and a session with none."""
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.start("agent", id="leaky", title=f"use {KEY}", metadata={"env": {"KEY": KEY}})
        db.messages.append(
            "leaky",
            "assistant",
            [{"type": "text", "text": f"the key is {KEY}"}, {"type": "other", "data": KEY}],
            reasoning=f"{KEY}?",
            tool_calls=[
                {"id": "c1", "name": "bash", "arguments": {"command": f"curl -H 'x-api-key: {KEY}'"}}
            ],
        )
        db.messages.append("leaky", "tool", f"200 OK {TOKEN}", tool_call_id="c1")
        db.notes.add(
            "decision", f"rotate {KEY}", session_id="leaky", context=KEY, translations={"de": f"{KEY} neu"}
        )
        db.sessions.start("agent", id="clean", title="nothing")
        db.messages.append("clean", "user", "ann@example.org sits in /home/ann and knows no secret")
        db.sessions.start("agent", id="gone", title=f"gone with {TOKEN}")
        db.remove("gone")
    return path


def bytes_of(folder: Path) -> bytes:
    """Return the bytes of all files of a database."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


def test_secrets_are_counted_by_kind_and_session(path: Path) -> None:
    with SessionDB(path, read_only=True) as db:
        found = db.scan_secrets()
    assert found.sessions.keys() == {"leaky"}
    assert found.kinds["api-key"] >= 10
    assert not found.purged


def test_a_purge_leaves_no_byte_of_a_secret_and_all_else(path: Path) -> None:
    assert KEY.encode() in bytes_of(path.parent)
    with SessionDB(path) as db:
        assert db.scan_secrets(purge=True).purged
        data = bytes_of(path.parent)
        assert (KEY.encode() in data, TOKEN.encode() in data, TOKEN.lower().encode() in data) == (False,) * 3
        assert db.scan_secrets().kinds == {}
        assert db.sessions.get("leaky").title == "use [redacted:api-key]"
        assert db.sessions.get("leaky").metadata == {"env": {"KEY": "[redacted:api-key]"}}
        first, _ = db.messages.transcript("leaky")
        assert first.text == "the key is [redacted:api-key]"
        assert json.loads(first.tool_calls[0].arguments or "")["command"].startswith("curl -H")
        (message,) = db.messages.transcript("clean")
        assert message.text == "ann@example.org sits in /home/ann and knows no secret"
        assert db.check() == []


def test_most_made_up_secrets_are_found_and_all_of_those_purged(tmp_path: Path) -> None:
    random = Random(7)
    made = [(kind, kind.make(random)) for kind in KINDS for _ in range(3)]
    with SessionDB(tmp_path / "sessions.db") as db:
        db.sessions.start("agent", id="leaky")
        for kind, secret in made:
            text = f"{kind.name}={secret}" if kind.name else kind.place.format(secret)
            db.messages.append("leaky", "user", text)
        db.scan_secrets(purge=True)
        left = [kind.title for kind, secret in made if secret.encode() in bytes_of(tmp_path)]
    assert len(made) >= 120
    assert len(left) <= len(made) // 50


def test_text_without_secrets_is_left_as_it_is() -> None:
    folder = Path(json.__file__).parents[1]
    lines = [
        line for file in sorted(folder.glob("*.py"))[:40] for line in file.read_text("utf-8").splitlines()
    ]
    marked = [line for line in lines[:10_000] if without_secrets(line) != line]
    assert len(lines) >= 10_000
    assert len(marked) <= 10
