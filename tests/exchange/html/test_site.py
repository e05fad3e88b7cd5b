"""A folder of pages: which sessions get one, what it is called, and what the index finds."""

from __future__ import annotations

import gc
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import Conflict, InvalidInput
from sessiondb.exchange.html.site import file_name, item
from sessiondb.exchange.pages import roots
from sessiondb.records import Session
from tests.helpers.stores import fill


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    with SessionDB(fill(tmp_path / "full.db")) as opened:
        yield opened


def words_of(index: str) -> dict[str, list[int]]:
    found = re.search(r'<script type="application/json" id="words">(.*?)</script>', index, re.DOTALL)
    assert found is not None
    words: dict[str, list[int]] = json.loads(found[1])
    return words


def sessions_in_memory() -> int:
    return sum(isinstance(each, Session) for each in gc.get_objects())


def test_a_list_marks_sessions_of_which_only_prompts_are_kept(db: SessionDB) -> None:
    session = db.sessions.get("chat")
    assert "prompts only" not in item(session, "chat.html")
    session.metadata["prompts_only"] = True
    assert "prompts only" in item(session, "chat.html")


def test_each_session_has_a_page_but_subagents_are_in_their_parents(tmp_path: Path, db: SessionDB) -> None:
    done = db.export(tmp_path / "pages", format="html")

    files = sorted(file.name for file in (tmp_path / "pages").iterdir())
    assert files == ["chat.html", "index.html", "strange.html", "tools.html"]
    assert (done.sessions, done.bytes) == (
        3,
        sum((tmp_path / "pages" / name).stat().st_size for name in files),
    )
    assert {(tmp_path / "pages" / name).stat().st_mode & 0o777 for name in files} == {0o600}
    assert 'id="a1"' in (tmp_path / "pages" / "chat.html").read_text()
    assert '<a href="index.html">All sessions</a>' in (tmp_path / "pages" / "chat.html").read_text()


def test_the_index_knows_what_was_said_in_which_session(tmp_path: Path, db: SessionDB) -> None:
    db.sessions.reopen("tools")
    db.messages.append("tools", "user", "</script><script>alert(1)</script> amounts")
    db.export(tmp_path / "pages", format="html")

    index = (tmp_path / "pages" / "index.html").read_text()
    links = re.findall(r'<li><a href="(.*?)"', index)
    steps = words_of(index)["amounts"]

    assert [links[sum(steps[: end + 1])] for end in range(len(steps))] == ["tools.html"]
    assert index.count("<script") == 2


def test_the_index_lists_the_newest_first_and_the_empty_last(tmp_path: Path, db: SessionDB) -> None:
    for id, day in (("old", 1), ("b", 3), ("a", 3), ("empty", 5)):
        db.sessions.start("me", id=id, title=id, started_at=f"2030-01-0{day}T00:00:00Z")
        if id != "empty":
            db.messages.append(id, "user", "x", created_at=f"2030-01-0{day}T00:00:00Z")
    db.export(tmp_path / "pages", format="html", sessions=["old", "empty", "a", "b"])

    index = (tmp_path / "pages" / "index.html").read_text()
    assert re.findall(r'<li><a href="(.*?)"', index) == ["a.html", "b.html", "old.html", "empty.html"]
    assert words_of(index) == {"empty": [3], "old": [2]}


def test_no_session_is_kept_once_its_page_is_written(tmp_path: Path, db: SessionDB) -> None:
    for number in range(20):
        db.sessions.start("me", id=f"s{number}", title="Beds")
    gc.collect()
    before = sessions_in_memory()
    kept: list[int] = []

    def count(phase: str, done: int, total: int) -> None:
        kept.append(sessions_in_memory() - before)

    db.export(tmp_path / "pages", format="html", progress=count)

    assert len(kept) == 23
    assert max(kept) <= 2  # one with a sub-agent


def test_sessions_that_are_each_others_parent_get_one_page(db: SessionDB) -> None:
    with db.connection.transaction():
        db.connection.execute(
            "UPDATE sessions SET parent_id = 'before', relation = 'subagent' WHERE id = 'chat'"
        )

    assert list(roots(db)) == ["strange", "tools", "before"]
    assert list(roots(db, ["chat"])) == ["chat"]


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("0b1c-2d", r"0b1c-2d\.html"),
        ("../../etc/passwd", r"-etc-passwd-\w{8}\.html"),
        ("telegram:7", r"telegram-7-\w{8}\.html"),
        ("index", r"index-\w{8}\.html"),
        ("x" * 300, r"x{80}-\w{8}\.html"),
    ],
)
def test_a_page_is_called_by_its_session_where_that_can_be_a_name(id: str, expected: str) -> None:
    assert re.fullmatch(expected, file_name(id))


def test_a_file_takes_one_session(tmp_path: Path, db: SessionDB) -> None:
    with pytest.raises(InvalidInput, match="a page is of one session, not of 3"):
        db.export(tmp_path / "all.html")
    assert not (tmp_path / "all.html").exists()

    assert db.export(tmp_path / "one.html", sessions=["chat", "before"]).sessions == 1
    stream = io.BytesIO()
    db.export(stream, sessions=["chat"], format="html")
    assert stream.getvalue() == (tmp_path / "one.html").read_bytes()


def test_what_exists_stays_unless_it_may_be_overwritten(tmp_path: Path, db: SessionDB) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "tools.html").write_text("mine")

    with pytest.raises(Conflict, match=r"tools\.html exists"):
        db.export(tmp_path / "pages", format="html", overwrite=False)

    assert [file.name for file in (tmp_path / "pages").iterdir()] == ["tools.html"]
    db.export(tmp_path / "pages", format="html")
    assert "<!doctype html>" in (tmp_path / "pages" / "tools.html").read_text()


def test_secrets_are_in_no_page_and_not_in_the_index(tmp_path: Path, db: SessionDB) -> None:
    db.sessions.reopen("tools")
    db.messages.append("tools", "user", "Write to ann@example.org about /home/mira/quill")
    db.export(tmp_path / "pages", format="html", redact=True)

    texts = [file.read_text() for file in (tmp_path / "pages").iterdir()]
    assert not [text for text in texts if "ann@" in text or "mira" in text]
    assert "[redacted:email]" in "".join(texts)
