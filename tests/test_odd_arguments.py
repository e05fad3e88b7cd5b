"""Arguments that a caller gives by mistake, or in another form than the command line: taken as meant, or refused."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb import Channel, SessionDB
from sessiondb.errors import InvalidInput
from sessiondb.live.reset_policy import ResetPolicy
from sessiondb.records import SessionFilter

OLD, NEW = "2026-02-01T10:00:00.000Z", "2026-03-05T10:00:00.000Z"
MARCH = [
    "2026-03-01T00:00:00.000Z",
    datetime(2026, 3, 1, tzinfo=timezone.utc),
    datetime(2026, 3, 1),  # local time, as every naive one
    date(2026, 3, 1),
]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    with SessionDB(tmp_path / "sessions.db") as db:
        for id, at in (("old", OLD), ("new", NEW)):
            db.sessions.start("quill", id=id, started_at=at)
            db.messages.append(id, "user", "Where is the lantern?", created_at=at)
            db.add_tokens(id, request_key="r", input=5, counted_at=at)
        yield db


@pytest.mark.parametrize("time", MARCH, ids=repr)
@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (lambda db, at: [hit.session_id for hit in db.search("lantern", since=at).hits], ["new"]),
        (lambda db, at: [hit.session_id for hit in db.search("lantern", until=at).hits], ["old"]),
        (lambda db, at: [each.id for each in db.sessions.page(SessionFilter(since=at))], ["new"]),
        (lambda db, at: [each.id for each in db.sessions.page(SessionFilter(until=at))], ["old"]),
        (lambda db, at: [each.session.id for each in db.transcripts(since=at)], ["new"]),
        (lambda db, at: [row.name for row in db.usage("daily", tz="UTC", since=at).rows], [NEW[:10]]),
        (lambda db, at: [row.name for row in db.usage("daily", tz="UTC", until=at).rows], [OLD[:10]]),
        (lambda db, at: db.prune(at, include_open=True, dry_run=True).sessions, ["old"]),
        (lambda db, at: db.sessions.end_stale(at), ["old"]),
    ],
    ids=["search", "search to", "page", "page to", "transcripts", "usage", "usage to", "prune", "stale"],
)
def test_a_time_may_be_text_a_datetime_or_a_date(
    db: SessionDB, time: Any, ask: Callable[[SessionDB, Any], list[str]], found: list[str]
) -> None:
    assert ask(db, time) == found


def test_sessions_stale_for_an_age_do_not_include_those_active_now(db: SessionDB) -> None:
    now = db.sessions.start("quill").id

    assert db.sessions.end_stale("1h") == ["old", "new"]
    assert db.sessions.get(now).ended_at is None


def test_the_first_of_all_days_is_a_time(db: SessionDB) -> None:
    assert (
        db.notes.add("decision", "x", session_id="old", created_at=datetime(1, 1, 1)).created_at[:10]
        == "0001-01-01"
    )


def test_one_text_is_one_tag_not_its_letters(db: SessionDB) -> None:
    started = db.sessions.start("quill", tags="work")
    db.sessions.add_tags("old", "urgent")
    db.sessions.add_tags("new", ["work", "urgent"])
    db.sessions.remove_tags("new", "work")

    assert db.sessions.tags(started.id) == ["work"]
    assert db.sessions.tags_of(["old", "new"]) == {"old": ["urgent"], "new": ["urgent"]}


def test_one_text_is_one_session_one_agent_one_workstream(db: SessionDB, tmp_path: Path) -> None:
    assert db.sessions.tags_of("old") == {}
    assert db.short_ids("old") == {"old": "old"}
    assert db.export(tmp_path / "one.jsonl", sessions="old").sessions == 1
    assert list(db.log_places("codex")) == ["codex"]
    assert [note.body for note in db.continuity.set_workstreams("ship it", session_id="old")] == ["ship it"]


@pytest.mark.parametrize("given", [["x"], "text", 5, [["key", "value"]], [], ""], ids=repr)
def test_metadata_that_could_not_be_read_back_is_refused(db: SessionDB, given: Any) -> None:
    with pytest.raises(InvalidInput, match="metadata must be a dict, not"):
        db.sessions.start("quill", metadata=given)
    with pytest.raises(InvalidInput, match="changes must be a dict, not"):
        db.sessions.set_metadata("old", given)
    with pytest.raises(InvalidInput, match="a message must be a dict, not"):
        db.messages.append_whole("old", given)


@pytest.mark.parametrize(
    "call",
    [
        lambda db: db.search(None),
        lambda db: db.search(b"lantern"),
        lambda db: db.search("lantern", agent=5),
        lambda db: db.search("lantern", since=5),
        lambda db: db.search("lantern", until=["2026"]),
        lambda db: db.usage("daily", since=5),
        lambda db: db.stats("agent", agent=5),
        lambda db: list(db.transcripts(model=["gpt"])),
        lambda db: db.prune(30),
        lambda db: db.sessions.end_stale("soon"),
        lambda db: db.sessions.start("quill", project=5),
        lambda db: db.sessions.start("quill", channel={"platform": "telegram"}),
        lambda db: db.sessions.start("quill", tags=None),
        lambda db: db.sessions.add_tags("old", ["", "x"]),
        lambda db: db.sessions.add_tags("old", [None]),
        lambda db: db.sessions.set_pinned("old", "no"),
        lambda db: db.notes.add("decision", "x", project=5),
        lambda db: db.notes.add("decision", "x", session_id="old", translations=["de"]),
        lambda db: db.continuity.set_workstreams(None, session_id="old"),
        lambda db: db.gateway("bot").session(Channel("telegram", "dm"), now="yesterday"),
        lambda db: db.only_copies(5),
        lambda db: db.export("\ud800"),
        lambda db: db.export(io.StringIO()),
        lambda db: db.set_tokens("old", None, input=5),
        lambda db: db.set_tokens("old", "", input=5),
        lambda db: db.add_tokens("old", request_key=float("nan"), input=5),
        lambda db: db.sessions.start("quill", channel=Channel(None)),  # type: ignore[arg-type]
        lambda db: db.sessions.start("quill", channel=Channel("telegram", chat_id=b"7")),  # type: ignore[arg-type]
        lambda db: db.gateway("bot", reset=5),
        lambda db: db.gateway("bot", key=5),
        lambda db: db.gateway("bot", is_busy=5),
        lambda db: db.gateway("bot", key=lambda channel: None).session(Channel("telegram", "dm")),
        lambda db: ResetPolicy(idle_minutes="5"),  # type: ignore[arg-type]
        lambda db: ResetPolicy(daily_at=4.0),  # type: ignore[arg-type]
        lambda db: db.import_logs("\ud800"),
        lambda db: db.explain_import("a\0b"),
        lambda db: db.history("old", format=["openai"]),
        lambda db: db.restore("old", format={}),
        lambda db: db.names(["agent"]),
        lambda db: db.remove(["old"]),
        lambda db: db.save("old", None),
        lambda db: db.save("old", {"role": "user", "content": "x"}, tokens=5),
        lambda db: db.search("lantern", scope=["talk"]),
        lambda db: db.stats(["agent"]),
        lambda db: db.transcript("old", first=1.5),
        lambda db: db.usage(["daily"]),
        lambda db: db.usage(prices=5),
        lambda db: db.usage(tz=5),
        lambda db: db.usage(trend=-1),
        lambda db: db.usage(trend=2**63),
        lambda db: db.write_for_agent("old", ["codex"]),
        lambda db: db.sessions.page(None),
        lambda db: db.sessions.count("quill"),
        lambda db: db.sessions.resolve(None),
        lambda db: db.sessions.end(None),
        lambda db: db.sessions.end(["old", 5]),
        lambda db: db.sessions.known(5),
        lambda db: db.sessions.subagent_counts(None),
        lambda db: db.sessions.take_metadata("old", ["key"]),
        lambda db: db.sessions.start(""),
        lambda db: db.sessions.start(None),
        lambda db: db.sessions.start(float("nan")),
        lambda db: db.sessions.start("quill", key=" "),
        lambda db: db.sessions.start("quill", title=5),
        lambda db: db.sessions.start("quill", model=float("nan")),
        lambda db: db.sessions.start("quill", relation="cousin"),
        lambda db: db.sessions.set_title("old", b"x"),
        lambda db: db.messages.move("old", "first", "new"),
        lambda db: list(db.messages.newest_first("old", last="end")),
        lambda db: db.messages.inherited(["old"]),
        lambda db: db.add_tokens("old", server_tools={"search": object()}),
        lambda db: db.continuity.brief(lang=None, session_id="old"),
        lambda db: db.continuity.brief(headings="x", session_id="old"),
        lambda db: db.continuity.complete(None),
        lambda db: db.continuity.set_workstreams([["x"]], session_id="old"),
        lambda db: db.gateway("bot").session("telegram"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(db: SessionDB, call: Callable[[Any], Any]) -> None:
    before = db.stats("agent")

    with pytest.raises(InvalidInput):
        call(db)
    assert db.stats("agent") == before


@pytest.mark.parametrize("blank", ["", " ", None])
def test_a_blank_title_or_model_is_none(db: SessionDB, blank: str | None) -> None:
    session = db.sessions.start("quill", title=blank, model=(blank or "").strip(), id="")
    db.sessions.set_title("old", blank)
    db.add_tokens(session.id, model=(blank or "").strip(), input=5)

    assert (session.title, session.model, session.native_id) == (None, None, None)
    assert db.sessions.get("old").title is None
    assert db.sessions.get(session.id).model is None
    db.messages.append(session.id, "user", "Where is it?")
    assert db.sessions.get(session.id).title == "Where is it?"


def test_responses_without_a_key_are_all_counted(db: SessionDB) -> None:
    for key in ("", None, ""):
        assert db.add_tokens("new", request_key=key, input=5)

    assert db.sessions.get("new").tokens.input == 20
