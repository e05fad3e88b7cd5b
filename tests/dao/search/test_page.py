"""What is read for a page says where its hits belong and what stands in them."""

from __future__ import annotations

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search.corpora import MESSAGES, NOTES, TITLES, TOOLS
from sessiondb.dao.search.page import About, AboutNote, Marker, SearchPage


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    session = db.sessions.start("codex", id="s", title="Fruit", project="/home/me/app").id
    call = {"id": "c", "name": "ls", "arguments": {"path": "."}}
    db.messages.append(session, "assistant", "an apple a day", tool_calls=[call])
    db.messages.append(session, "tool", "apple.txt", tool_call_id="c")
    db.notes.add("win", "ate it", session_id=session, context="at noon", translations={"de": "gegessen"})
    db.notes.add("win", "sold it", project="/home/me/web")
    return db


def test_sessions_and_notes_say_where_they_belong(db: SessionDB) -> None:
    page = SearchPage(db.connection)
    assert page.about(["s", "nobody"]) == {"s": About("Fruit", "codex", "/home/me/app")}
    assert page.notes([1, 2, 3]) == {
        1: AboutNote("open", "/home/me/app"),
        2: AboutNote("open", "/home/me/web"),
    }


def test_texts_are_all_that_can_be_searched_of_a_row(db: SessionDB) -> None:
    page = SearchPage(db.connection)
    assert page.texts(MESSAGES, [1, 99]) == {1: ("an apple a day", "")}
    assert page.texts(TOOLS, [1]) == {1: ("ls", '{"path":"."}', "apple.txt", "")}
    assert page.texts(NOTES, [1]) == {1: ("ate it", "at noon", "", "gegessen")}
    assert page.texts(TITLES, [1]) == {1: ("Fruit", "")}


def test_rows_an_index_lacks_are_counted(db: SessionDB) -> None:
    page = SearchPage(db.connection)
    assert page.pending(MESSAGES) == 0
    with db.connection.transaction():
        db.connection.execute("UPDATE search_state SET pending_from = 2 WHERE index_name = 'messages_fts'")
    assert page.pending(MESSAGES) == 1


def test_snippets_mark_the_words_that_the_index_finds() -> None:
    texts = {1: ["an apple a day"], 2: ["résumés and cafés"], 3: ["nothing of it"]}
    found = Marker().snippets(MESSAGES, texts, '"apples" OR "resume"')
    assert found == {1: "an «apple» a day", 2: "«résumés» and cafés"}


def test_the_best_column_of_a_tool_call_is_shown() -> None:
    assert Marker().snippets(TOOLS, {1: ["ls", '{"path":"."}', "apple.txt"]}, '"apple"') == {1: "«apple».txt"}


def test_a_marker_forgets_what_it_has_marked() -> None:
    marker = Marker()
    assert marker.snippets(MESSAGES, {1: ["an apple"], 2: ["a pear"]}, '"apple"') == {1: "an «apple»"}
    assert marker.snippets(MESSAGES, {2: ["an apple"]}, '"apple"') == {2: "an «apple»"}
