"""A session without a title is called so on every face."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sessiondb import SessionDB
from sessiondb.agents.loop.recall import latest, read
from sessiondb.cli.browse.rows import title
from sessiondb.cli.group import cli
from sessiondb.exchange.html import page
from sessiondb.exchange.transcripts import transcript
from sessiondb.web.frame import Links
from sessiondb.web.search import search_page
from sessiondb.web.session import session_page

LINKS = Links(str, "sessions", "/")


@pytest.fixture(params=[None, " \n "], ids=["none", "blank"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a database with a session that nothing names."""
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.start("quill", id="s", title=request.param, project="/home/ann/quill")
        db.messages.append("s", "assistant", "The lantern is lit.")
        db.add_tokens("s", model="gpt-5", input=1000, request_key="r")
    return path


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("search", "lantern"),
        ("search", "lantern", "--messages"),
        ("show", "s"),
        ("usage", "session"),
        ("rm", "s", "--dry-run"),
        ("export", "s", "--format", "md"),
        ("export", "s", "--format", "html"),
    ],
    ids=" ".join,
)
def test_commands_say_that_there_is_no_title(path: Path, command: tuple[str, ...]) -> None:
    assert "(no title)" in CliRunner().invoke(cli, ["--db", str(path), *command]).stdout


def test_json_says_null(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "sessions.db") as db:
        db.sessions.start("quill", id="s")
    found = CliRunner().invoke(cli, ["--db", str(tmp_path / "sessions.db"), "list", "--json"]).stdout
    assert '"title": null' in found


def test_pages_browse_and_agents_are_told_so(path: Path) -> None:
    with SessionDB(path) as db:
        session = db.sessions.get("s")
        texts = [
            "".join(session_page(db, "s", {}, LINKS).body),
            "".join(search_page(db, {"q": "lantern"}, LINKS).body),
            "".join(page(transcript(db, "s"))),
            title(session),
            read(db, "s", None, 4000),
            str(latest(db, "/home/ann/quill", 5)),
        ]
    assert [text for text in texts if "(no title)" not in text] == []
