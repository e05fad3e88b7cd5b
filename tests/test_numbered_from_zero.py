"""Messages that another tool has numbered from 0, by plain SQL: every face shows the first of them too."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from sessiondb import SessionDB
from sessiondb.agents.loop.recall import read
from sessiondb.cli.group import cli
from sessiondb.web.frame import Links
from sessiondb.web.session import session_page

SAID = ["Where is the lantern?", "In the shed.", "And the oil?", "Beside it."]
AT = "2026-03-02T08:00:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a database with a session of four messages, the first of them number 0, and a call in the second."""
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.start("quill", id="s", started_at=AT)
    with closing(sqlite3.connect(path)) as other, other:
        other.executemany(
            "INSERT INTO messages (session_id, seq, role, content, created_at) VALUES ('s', ?, ?, ?, ?)",
            [(seq, ("user", "assistant")[seq % 2], text, AT) for seq, text in enumerate(SAID)],
        )
    return path


def run(path: Path, *arguments: str) -> str:
    done = CliRunner().invoke(cli, ["--db", str(path), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def spoken(db: SessionDB) -> list[str | None]:
    return [message.content for message in db.messages.transcript("s")]


@pytest.mark.parametrize(
    "show",
    [
        lambda path: run(path, "show", "s"),
        lambda path: run(path, "show", "s", "--json"),
        lambda path: run(path, "show", "s", "--around", "0"),
        lambda path: run(path, "show", "s", "--around", "2"),
        lambda path: run(path, "export", "s"),
        lambda path: run(path, "export", "s", "--format", "md"),
        lambda path: run(path, "export", "s", "--format", "html"),
        lambda path: with_db(path, lambda db: db.history("s")),
        lambda path: with_db(path, lambda db: db.restore("s").messages),  # type: ignore[union-attr]
        lambda path: with_db(path, lambda db: read(db, "s", None, 4000)),
        lambda path: with_db(path, lambda db: read(db, "s", 0, 4000)),
        lambda path: with_db(path, lambda db: list(db.messages.newest_first("s"))),
        lambda path: with_db(
            path, lambda db: "".join(session_page(db, "s", {}, Links(str, "sessions", "/")).body)
        ),
    ],
)
def test_the_first_message_is_shown(path: Path, show: Callable[[Path], object]) -> None:
    assert SAID[0] in str(show(path))


def with_db(path: Path, ask: Callable[[SessionDB], object]) -> object:
    with SessionDB(path) as db:
        return ask(db)


def test_a_history_that_has_room_for_it_alone_begins_with_it(path: Path) -> None:
    with SessionDB(path) as db:
        db.connection.execute("DELETE FROM messages WHERE seq > 0")
        assert [message["content"] for message in db.history("s", limit=1)] == SAID[:1]


def test_an_export_and_a_merge_bring_all_of_them(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text(run(path, "export", "s"))
    with SessionDB(tmp_path / "imported.db") as db:
        assert db.import_logs(file).skipped == []
        assert spoken(db) == SAID
    with SessionDB(tmp_path / "merged.db") as db:
        db.merge(path)
        assert spoken(db) == SAID
        # A second one finds them all there.
        db.merge(path)
        assert spoken(db) == SAID


def test_they_can_be_taken_back_one_by_one(path: Path) -> None:
    with SessionDB(path) as db:
        while db.messages.remove_last("s"):
            pass
        assert spoken(db) == []


def test_what_is_appended_follows_them(path: Path) -> None:
    with SessionDB(path) as db:
        assert db.messages.append("s", "user", "Thanks.").seq == 4
        assert spoken(db) == [*SAID, "Thanks."]


def test_saving_the_state_of_an_agent_goes_on_from_them(path: Path) -> None:
    said = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(SAID)]
    with SessionDB(path) as db:
        assert db.save("s", [*said, {"role": "user", "content": "Thanks."}]) == 1
        assert spoken(db) == [*SAID, "Thanks."]
        # Another conversation takes their place as a whole.
        db.save("s", [{"role": "user", "content": "Something else."}])
        assert spoken(db) == ["Something else."]
        assert [m.content for m in db.messages.transcript("replaced-s")] == [*SAID, "Thanks."]
