"""The pages of a search and of usage, as they are without Datasette around them."""

from __future__ import annotations

from sessiondb import SessionDB
from sessiondb.web.frame import Links, document
from sessiondb.web.search import search_page
from sessiondb.web.tables import table
from sessiondb.web.usage import usage_page

LINKS = Links(str, "sessions", "/")


def test_a_note_says_what_has_become_of_it(db: SessionDB) -> None:
    note = db.notes.add("decision", "fractions it is", project="/home/me/quill")
    db.notes.set_status(note.id, "obsolete")
    page = search_page(db, {"q": "fractions", "in": "notes"}, LINKS)
    assert f" · /home/me/quill · note {note.id}, obsolete</p>" in "".join(page.body)


def test_a_hit_without_a_time_begins_with_its_agent(db: SessionDB) -> None:
    db.sessions.start("codex", id="s")
    message = db.messages.append("s", "user", "fractions it is")
    with db.connection.transaction():
        db.connection.execute("UPDATE messages SET created_at = NULL WHERE id = ?", (message.id,))

    page = search_page(db, {"q": "fractions"}, LINKS)

    assert "<p>codex · user #1</p>" in "".join(page.body)


def test_a_page_has_one_field_to_search_all_sessions(db: SessionDB) -> None:
    for query in ({}, {"q": "fractions"}):
        assert document(search_page(db, query, LINKS), LINKS).count('role="search"') == 1
    assert document(usage_page(db, {}, LINKS), LINKS).count('role="search"') == 1


def test_a_table_repeats_its_title_only_to_who_hears_it() -> None:
    assert "<caption><span>Tools: </span>15 of 90</caption>" in table("Tools: 15 of 90", (), ())
    assert "<caption><span>Tools</span></caption>" in table("Tools", (), ())
