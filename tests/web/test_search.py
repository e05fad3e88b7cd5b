"""The page of a search, as it is without Datasette around it."""

from __future__ import annotations

from sessiondb import SessionDB
from sessiondb.web.frame import Links
from sessiondb.web.search import search_page


def test_a_note_says_what_has_become_of_it(db: SessionDB) -> None:
    note = db.notes.add("decision", "fractions it is", project="/home/me/quill")
    db.notes.set_status(note.id, "obsolete")
    page = search_page(db, {"q": "fractions", "in": "notes"}, Links(str, "sessions", "/"))
    assert f" · /home/me/quill · note {note.id}, obsolete</p>" in "".join(page.body)
