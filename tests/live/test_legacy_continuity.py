"""What a store of what the next session must know does, row by row, as its users call it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.removal import Removals
from sessiondb.errors import Ambiguous, Conflict, DatabaseForeign, InvalidInput, NotFound
from sessiondb.records import Knowledge, Note, SessionFilter

ROOT = "/home/ann/souq"
NOW = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def utc_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    db.sessions.start("me", id="s1", project=ROOT, title="Prices", started_at="2026-03-01T09:00:00Z")
    return db


def bodies(notes: list[Note]) -> list[str]:
    return [note.body for note in notes]


def fill(db: SessionDB) -> None:
    """Write down what one session leaves to the next, in English and Arabic."""

    def add(kind: str, body: str, arabic: str | None = None, **fields: Any) -> None:
        translations = {"ar": arabic} if arabic else None
        moment = f"2026-03-02T10:{len(db.notes.of_session('s1')):02}:00Z"
        db.notes.add(kind, body, session_id="s1", translations=translations, created_at=moment, **fields)

    db.continuity.set_summary(
        "Prices are moving to dirhams.", session_id="s1", translations={"ar": "ننقل الأسعار إلى الدرهم."}
    )
    db.continuity.set_workstreams(["checkout", "الفواتير"], session_id="s1")
    for number in range(1, 8):
        add("decision", f"Decision {number}", f"القرار {number}", author="Ann")
    add("decision", "Round up", "التقريب للأعلى", context="the bank does")
    add("question", "Who signs off?", "من يوافق؟")
    add("failure", "Rates were cached", resolution="cache for an hour")
    for number in range(1, 5):
        add("win", f"Win {number}")
    add("followup", "Tell the bank", due_at="2026-03-20", assignee="Bob")
    add("followup", "Pay the invoice", "ادفع الفاتورة", due_at="2026-03-09")
    add("followup", "Clean up")
    add("followup", "Call the tax office", due_at="2026-03-10T11:30:00Z")


def test_a_state_per_session_in_english_and_arabic(db: SessionDB) -> None:
    fill(db)
    known = db.continuity.restore("s1")
    assert (known.project, known.is_new) == (ROOT, False)
    assert known.summary is not None
    assert known.summary.translations == {"ar": "ننقل الأسعار إلى الدرهم."}
    assert bodies(known.workstreams) == ["checkout", "الفواتير"]
    assert bodies(known.decisions) == [*(f"Decision {number}" for number in range(1, 8)), "Round up"]
    assert known.decisions[0].translations == {"ar": "القرار 1"}
    assert bodies(known.questions) == ["Who signs off?"]
    assert [(note.body, note.resolution) for note in known.failures] == [
        ("Rates were cached", "cache for an hour")
    ]
    assert bodies(known.wins) == ["Win 1", "Win 2", "Win 3", "Win 4"]
    assert bodies(known.followups) == ["Pay the invoice", "Call the tax office", "Tell the bank", "Clean up"]


def test_a_state_keeps_right_to_left_text_intact(db: SessionDB) -> None:
    text = "السعر \u200fAED 12.50\u200f (شامل\u00a0الضريبة)\nوالسطر الثاني \u202bهنا\u202c"
    db.notes.add("decision", text, session_id="s1")
    known = db.continuity.restore("s1")
    assert bodies(known.decisions) == [text]
    assert text.replace("\n", "\n  ") in db.continuity.brief("s1", lang="ar")


def test_a_state_has_tags_and_a_tenant(db: SessionDB) -> None:
    db.sessions.add_tags("s1", ["urgent", "أسعار"])
    db.sessions.set_metadata("s1", {"tenant": "acme"})
    assert db.sessions.tags("s1") == ["urgent", "أسعار"]
    assert db.sessions.get("s1").metadata == {"tenant": "acme"}
    assert [session.id for session in db.sessions.page(SessionFilter(tag="أسعار"))] == ["s1"]


def test_a_state_gets_its_project_later(db: SessionDB) -> None:
    db.sessions.start("me", id="s2")
    db.notes.add("win", "It works", session_id="s2")
    db.sessions.set_project("s2", ROOT)
    assert bodies(db.continuity.restore(project=ROOT).wins) == ["It works"]


def test_add_notes_of_every_kind_and_keep_them_all(db: SessionDB) -> None:
    for number in range(50):
        for kind in ("decision", "failure", "win", "question", "followup"):
            db.notes.add(kind, f"{kind} {number}", session_id="s1")
    known = db.continuity.restore("s1")
    lists = (known.decisions, known.failures, known.wins, known.questions, known.followups)
    assert [len(notes) for notes in lists] == [50] * 5
    prompt = db.continuity.brief("s1")
    assert "## Decisions (5 of 50)\n\n- 2" in prompt
    assert prompt.count("- question") == 50


def test_add_a_question_without_duplicates(db: SessionDB) -> None:
    first = db.notes.add("question", "Who signs off?", session_id="s1")
    assert (
        db.notes.add("question", "Who signs off?", session_id="s1", translations={"ar": "من يوافق؟"}).id
        == first.id
    )
    assert db.notes.get(first.id).translations == {"ar": "من يوافق؟"}
    answered = db.continuity.complete("signs", session_id="s1", kind="question", resolution="Ann does")
    assert (answered.id, answered.resolution) == (first.id, "Ann does")
    assert db.notes.add("question", "Who signs off?", session_id="s1").id != first.id
    db.sessions.start("me", id="s2", project=ROOT)
    db.notes.add("question", "Who signs off?", session_id="s2")
    assert bodies(db.continuity.restore(project=ROOT).questions) == ["Who signs off?"]


@pytest.mark.parametrize(
    ("kind", "body", "fields", "complaint"),
    [
        ("idea", "x", {}, "unknown kind of note 'idea'"),
        ("win", "  ", {}, "a note needs a text"),
        ("followup", "x", {"due_at": "soon"}, "cannot read the time 'soon'"),
    ],
)
def test_add_refuses_what_makes_no_sense(
    db: SessionDB, kind: str, body: str, fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        db.notes.add(kind, body, session_id="s1", **fields)


@pytest.mark.parametrize("part", ["INVOICE", "the inv", "الفاتورة", 2])
def test_complete_a_follow_up_by_a_part_of_its_text_or_its_id(db: SessionDB, part: str | int) -> None:
    db.notes.add("followup", "Tell the bank", session_id="s1")
    note = db.notes.add("followup", "Pay the Invoice", session_id="s1", translations={"ar": "ادفع الفاتورة"})
    done = db.continuity.complete(part, session_id="s1")
    assert (done.id, done.body, done.resolved_at is None) == (note.id, "Pay the Invoice", False)
    assert bodies(db.continuity.restore("s1").followups) == ["Tell the bank"]
    assert db.continuity.complete(note.id) == done
    with pytest.raises(NotFound, match="no open followup says 'invoice'"):
        db.continuity.complete("invoice", session_id="s1")


def test_complete_a_follow_up_refuses_an_ambiguous_text(db: SessionDB) -> None:
    first = db.notes.add("followup", "Call Ann", session_id="s1")
    db.notes.add("followup", "Call Bob", session_id="s1")
    with pytest.raises(Ambiguous, match=r"2 open notes \(followup\) say 'call': 1 'Call Ann'; 2 'Call Bob'"):
        db.continuity.complete("call", session_id="s1")
    assert db.continuity.complete("call", session_id="s1", first=True).id == first.id
    with pytest.raises(InvalidInput, match="which followup is done"):
        db.continuity.complete(" ", session_id="s1")
    with pytest.raises(NotFound, match="there is no note 99"):
        db.continuity.complete(99)


def test_set_workstreams_and_summary_keep_the_former_ones_as_history(db: SessionDB) -> None:
    continuity = db.continuity
    first = continuity.set_workstreams(["checkout", "invoices"], session_id="s1")
    second = continuity.set_workstreams(["invoices", "taxes", "taxes"], session_id="s1")
    assert second[0] == first[1]
    assert bodies(second) == ["invoices", "taxes"]
    assert bodies(db.notes.find(session_id="s1", kind="workstream", is_open=False)) == ["checkout"]
    old = continuity.set_summary("One", session_id="s1")
    assert old is not None
    assert continuity.set_summary("One", session_id="s1") == old
    new = continuity.set_summary("Two", session_id="s1")
    assert continuity.restore("s1").summary == new
    assert bodies(db.notes.find(session_id="s1", kind="summary")) == ["One", "Two"]
    assert db.notes.get(old.id).resolved_at is not None


@pytest.mark.parametrize(
    ("wanted", "resolved"),
    [
        (["b", "a", "c"], ["a", "b", "c"]),
        (["new", "a", "b", "c"], ["a", "b", "c"]),
        (["a", "new", "b", "c"], ["b", "c"]),
        (["a", "b", "c", "new"], []),
        (["a", "c"], ["b"]),
        (["c", "a"], ["a", "b", "c"]),
        ([], ["a", "b", "c"]),
    ],
)
def test_set_workstreams_keeps_their_order(db: SessionDB, wanted: list[str], resolved: list[str]) -> None:
    for body in "abc":
        db.notes.add("workstream", body, session_id="s1", translations={"ar": body.upper()})
    assert bodies(db.continuity.set_workstreams(wanted, session_id="s1")) == wanted
    known = db.continuity.restore("s1").workstreams
    assert bodies(known) == wanted
    assert {note.body: note.translations for note in known if note.body in "abc"} == {
        body: {"ar": body.upper()} for body in wanted if body in "abc"
    }
    assert bodies(db.notes.find(kind="workstream", is_open=False)) == resolved


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_set_a_summary_to_nothing_clears_it(db: SessionDB, nothing: str | None) -> None:
    db.continuity.set_summary("Prices are moving.", session_id="s1")
    assert db.continuity.set_summary(nothing, session_id="s1") is None
    known = db.continuity.restore("s1")
    assert (known.summary, known.is_new) == (None, False)
    assert bodies(db.notes.find(kind="summary", is_open=False)) == ["Prices are moving."]


def test_nothing_is_cleared_without_saying_whose(db: SessionDB) -> None:
    for project in (ROOT, "/elsewhere"):
        db.continuity.set_summary("Prices are moving.", project=project)
        db.continuity.set_workstreams(["checkout"], project=project)
    for change in (db.continuity.set_summary, db.continuity.set_workstreams):
        with pytest.raises(InvalidInput, match="belongs to a session or a project"):
            change("")
        with pytest.raises(NotFound):
            change("", session_id="nowhere")
    assert len(db.notes.find(is_open=True)) == 4


def test_set_workstreams_of_a_project_leaves_those_of_its_sessions(db: SessionDB) -> None:
    db.continuity.set_workstreams(["checkout"], session_id="s1")
    db.continuity.set_workstreams(["taxes"], project=ROOT)
    db.continuity.set_workstreams([], project=ROOT)
    assert bodies(db.continuity.restore("s1").workstreams) == ["checkout"]


def test_restore_a_session_or_the_latest(db: SessionDB) -> None:
    db.notes.add("win", "first", session_id="s1")
    db.sessions.start("me", id="s2", project=ROOT)
    db.notes.add("win", "second", session_id="s2")
    db.sessions.start("me", id="s3", project="/elsewhere")
    assert bodies(db.continuity.restore("s1").wins) == ["first"]
    latest = db.continuity.restore()
    assert latest.session is not None
    assert (latest.session.id, bodies(latest.wins)) == ("s2", ["second"])
    carried = db.continuity.restore(project=ROOT)
    assert carried.session is not None
    assert (carried.session.id, bodies(carried.wins)) == ("s2", ["first", "second"])


def test_restore_tells_none_yet_from_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        assert db.continuity.restore() == Knowledge()
        assert db.continuity.restore().is_new
        assert db.continuity.restore(project=ROOT).is_new
        assert db.continuity.brief(project=ROOT) == ""
        with pytest.raises(NotFound, match="there is no session nowhere"):
            db.continuity.restore("nowhere")
    path.write_bytes(b"{}" + path.read_bytes()[2:])
    with pytest.raises(DatabaseForeign):
        SessionDB(path)


ENGLISH = """\
# Where things stand

Project: /home/ann/souq
Session: Prices
Last update: {updated}

## Context

Prices are moving to dirhams.

## Workstreams

- checkout
- الفواتير

## Decisions (5 of 8)

- 2026-03-02 10:06: Decision 4, by Ann
- 2026-03-02 10:07: Decision 5, by Ann
- 2026-03-02 10:08: Decision 6, by Ann
- 2026-03-02 10:09: Decision 7, by Ann
- 2026-03-02 10:10: Round up (the bank does)

## Open questions

- Who signs off?

## Failures

- Rates were cached. Resolved: cache for an hour

## Wins (3 of 4)

- Win 2
- Win 3
- Win 4

## Follow-ups

- [OVERDUE since 2026-03-09] Pay the invoice
- [OVERDUE since 2026-03-10 11:30] Call the tax office
- [due 2026-03-20] Tell the bank (for Bob)
- Clean up

Go on from here: overdue follow-ups first. Keep to what was decided until more is known.
"""

ARABIC = """\
# أين وصل العمل

المشروع: /home/ann/souq
الجلسة: Prices
آخر تحديث: {updated}

## السياق

ننقل الأسعار إلى الدرهم.

## مسارات العمل (1 من 2)

- checkout

## القرارات (2 من 8)

- 2026-03-02 10:09: القرار 7, بقرار من Ann
- 2026-03-02 10:10: التقريب للأعلى (the bank does)

## الأسئلة المفتوحة

- من يوافق؟

## الإخفاقات (0 من 1)


## النجاحات (1 من 4)

- Win 4

## المتابعات (1 من 4)

- [متأخرة منذ 2026-03-09] ادفع الفاتورة

تابع من هنا: ابدأ بالمتابعات المتأخرة، والتزم بالقرارات ما لم يظهر جديد يخالفها.
"""


def updated(db: SessionDB) -> str:
    known = db.continuity.restore("s1").updated_at
    assert known is not None
    return known[:16].replace("T", " ")


def test_the_restore_prompt(db: SessionDB) -> None:
    fill(db)
    assert db.continuity.brief("s1", now=NOW) == ENGLISH.format(updated=updated(db))


def test_the_restore_prompt_in_arabic_with_sizes(db: SessionDB) -> None:
    fill(db)
    sizes: dict[str, Any] = {"workstreams": 1, "decisions": 2, "failures": 0, "wins": 1, "followups": 1}
    for lang in ("ar", "ar-EG"):
        assert db.continuity.brief("s1", lang=lang, now=NOW, **sizes) == ARABIC.format(updated=updated(db))
    with pytest.raises(InvalidInput, match="unknown size 'ideas': give some of workstreams, decisions"):
        db.continuity.brief("s1", ideas=3)


def test_the_restore_prompt_in_another_language_falls_back(db: SessionDB) -> None:
    db.notes.add("win", "It works", session_id="s1", translations={"fr": "Ça marche"})
    prompt = db.continuity.brief("s1", lang="fr", headings={"wins": "Réussites"})
    assert "# Where things stand\n" in prompt
    assert "## Réussites\n\n- Ça marche\n" in prompt


def test_the_restore_prompt_by_project_carries_over_sessions(db: SessionDB) -> None:
    fill(db)
    db.sessions.start("me", id="s2", project=ROOT, title="Taxes")
    db.notes.add("decision", "File in April", session_id="s2")
    db.continuity.set_workstreams(["taxes"], session_id="s2")
    db.notes.add("followup", "Elsewhere", project="/elsewhere")
    prompt = db.continuity.brief(project=ROOT, now=NOW)
    assert "Session: Taxes\n" in prompt
    assert "## Workstreams\n\n- taxes\n\n## Decisions (5 of 9)" in prompt
    assert "File in April\n\n## Open questions\n\n- Who signs off?\n" in prompt
    assert "Elsewhere" not in prompt


@pytest.mark.parametrize("budget", [0, 1, 50, 100, 150, 200, 250, 1000])
def test_the_restore_prompt_stays_within_a_token_budget(db: SessionDB, budget: int) -> None:
    fill(db)
    prompt = db.continuity.brief("s1", now=NOW, max_tokens=budget)
    assert len(prompt.encode()) <= 4 * budget
    if budget == 150:
        assert "- Win" not in prompt
        assert "## Wins (0 of 4)" in prompt
        assert "Pay the invoice" in prompt
    if budget == 1000:
        assert prompt == ENGLISH.format(updated=updated(db))


def test_limits_below_0_are_refused(db: SessionDB) -> None:
    fill(db)
    for ask in (
        lambda: db.continuity.brief("s1", max_tokens=-1),
        lambda: db.continuity.brief("s1", wins=-1),
        lambda: db.continuity.sessions(limit=-1),
        lambda: db.sessions.page(SessionFilter(), limit=-1),
    ):
        with pytest.raises(InvalidInput, match="must be 0 or more, or None for no limit, not -1"):
            ask()


def test_a_day_is_overdue_when_it_is_over(db: SessionDB) -> None:
    db.notes.add("followup", "Pay", session_id="s1", due_at="2026-03-10")
    for day, mark in ((10, "[due 2026-03-10] Pay"), (11, "[OVERDUE since 2026-03-10] Pay")):
        assert mark in db.continuity.brief("s1", now=NOW.replace(day=day, hour=0))


def test_a_restore_of_the_latest_finds_what_was_noted_of_a_project(db: SessionDB) -> None:
    db.notes.add("win", "of a session", session_id="s1", created_at="2026-03-02T10:00:00Z")
    db.notes.add("win", "of a project", project="/home/ann/till", created_at="2026-03-03T10:00:00Z")
    known = db.continuity.restore()
    assert (known.session, known.project, bodies(known.wins)) == (None, "/home/ann/till", ["of a project"])
    db.sessions.touch("s1", "2026-03-04T10:00:00Z")
    assert bodies(db.continuity.restore().wins) == ["of a session"]


def test_a_note_is_activity_of_its_session(db: SessionDB) -> None:
    def last_active() -> str:
        return db.sessions.get("s1").last_active_at

    note = db.notes.add("question", "Who signs off?", session_id="s1", created_at="2026-03-02T10:00:00Z")
    assert last_active() == "2026-03-02T10:00:00.000Z"
    db.notes.add("question", "Who signs off?", session_id="s1")  # asked already: nothing is noted
    db.notes.add("win", "earlier", session_id="s1", created_at="2026-03-01T10:00:00Z")
    db.notes.add("win", "of the project alone", project=ROOT)
    assert last_active() == "2026-03-02T10:00:00.000Z"
    db.notes.resolve(note.id, at="2026-03-03T10:00:00Z")
    assert last_active() == "2026-03-03T10:00:00.000Z"
    db.notes.translate(note.id, {"ar": "من يوافق؟"})
    assert last_active() > "2026-03-03T10:00:00.000Z"


def test_a_session_that_was_only_noted_in_is_not_stale(db: SessionDB) -> None:
    db.notes.add("decision", "Round up", session_id="s1", created_at="2026-03-05T10:00:00Z")
    assert db.sessions.end_stale("2026-03-04T00:00:00.000Z") == []
    assert db.sessions.end_stale("2026-03-06T00:00:00.000Z") == ["s1"]
    assert db.sessions.get("s1").ended_at == "2026-03-05T10:00:00.000Z"


def test_a_note_leaves_an_ended_session_ended(db: SessionDB) -> None:
    db.sessions.end("s1", "done", at="2026-03-02T09:00:00Z")
    db.notes.add("failure", "The till froze", session_id="s1", created_at="2026-03-05T10:00:00Z")
    session = db.sessions.get("s1")
    assert (session.ended_at, session.end_reason) == ("2026-03-02T09:00:00.000Z", "done")
    assert session.last_active_at == "2026-03-05T10:00:00.000Z"
    assert Removals(db.connection).prune("2026-03-05T00:00:00.000Z", SessionFilter()).sessions == []


def test_delete_states_older_than_some_days(db: SessionDB) -> None:
    db.notes.add("win", "old", session_id="s1", created_at="2026-03-01T10:00:00Z")
    db.sessions.start("me", id="s2", started_at="2026-03-01T09:00:00Z")
    db.notes.add("win", "gone", session_id="s2", created_at="2026-03-01T10:00:00Z")
    db.sessions.end(["s1", "s2"], at="2026-03-02T09:00:00Z")
    assert Removals(db.connection).prune("2026-03-05T00:00:00.000Z", SessionFilter()).sessions == ["s1", "s2"]
    assert bodies(db.continuity.restore(project=ROOT).wins) == [
        "old"
    ]  # a project's notes outlive its sessions
    assert bodies(db.notes.find()) == ["old"]


def test_list_with_counts_of_decisions_and_open_follow_ups(db: SessionDB) -> None:
    fill(db)
    db.sessions.start("me", id="s2")
    done = db.notes.add("followup", "Done", session_id="s2")
    db.continuity.complete(done.id)
    listed = [(row.session.id, row.decisions, row.open_followups) for row in db.continuity.sessions()]
    assert listed == [("s2", 0, 0), ("s1", 8, 4)]
    assert len(db.continuity.sessions(limit=1)) == 1


def test_what_the_latest_session_cleared_does_not_come_back_from_the_one_before(db: SessionDB) -> None:
    db.sessions.start("me", id="s2", project=ROOT)
    for session_id in ("s1", "s2"):
        db.continuity.set_workstreams([f"of {session_id}"], session_id=session_id)
        db.continuity.set_summary(f"Of {session_id}.", session_id=session_id)
    db.continuity.set_workstreams([], session_id="s2")
    db.continuity.set_summary(None, session_id="s2")
    known = db.continuity.restore(project=ROOT)
    assert (known.workstreams, known.summary) == ([], None)


def test_a_note_needs_a_text_and_a_translation_may_be_missing(db: SessionDB) -> None:
    for nothing in ("", " ", None):
        with pytest.raises(InvalidInput, match="a note needs a text"):
            db.notes.add("win", nothing, session_id="s1")  # type: ignore[arg-type]
    note = db.notes.add("win", "It parses", session_id="s1", translations={"ar": None, "fr": ""})
    assert note.translations == {}


def test_a_note_needs_an_owner_that_exists(db: SessionDB) -> None:
    with pytest.raises(NotFound, match="there is no session nowhere to add a note to"):
        db.notes.add("win", "x", session_id="nowhere")
    with pytest.raises(InvalidInput, match="a note belongs to a session or a project"):
        db.notes.add("win", "x")
    with pytest.raises(Conflict):
        db.notes.translate(99, {"ar": "x"})
