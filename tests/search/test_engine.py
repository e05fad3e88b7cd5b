"""Searches find what a person means, whatever was typed."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search.page import Marker
from sessiondb.errors import DatabaseBusy, InvalidInput
from sessiondb.query import tokens
from sessiondb.query.snippets import EXCERPT
from sessiondb.records import SearchHit, SearchResult, SessionFilter
from sessiondb.search.engine import Search
from sessiondb.search.ladder import BEST, LISTED, NEWEST

Say = Callable[..., str]


def sessions(result: SearchResult) -> list[str | None]:
    return [hit.session_id for hit in result.hits]


def snippets(result: SearchResult) -> list[str]:
    return [hit.snippet for hit in result.hits]


def test_a_hit_says_all_there_is_to_know(db: SessionDB, say: Say) -> None:
    say("nothing", "of", "it", "at", "all", project="/home/me/app", title="Other")
    wanted = say(
        "Where are all the tests of this?", "The tests live here.", project="/home/me/app", title="Places"
    )
    result = db.search("tests")
    assert result == SearchResult(
        "tests",
        [
            SearchHit(
                session_id=wanted,
                title="Places",
                agent="codex",
                project="/home/me/app",
                message_id=7,
                seq=2,
                role="assistant",
                created_at="2026-03-01T09:01:00.000Z",
                snippet="The «tests» live here.",
                score=result.hits[0].score,
                more=1,
            )
        ],
        total=1,
    )


SAID = (
    "我们讨论了记忆断裂的问题",
    "昨晚的部署失败了",
    "请修改youer服务端的代码",
    "We wrote it in C++ last year",
    "We wrote it in C last year",
    "call foo.bar_baz with two arguments",
    "it's time for a break",
    "open src/main.py please",
    "closes #123 at last",
    "room 123 is free",
    "write to a@b.c today",
    "it is 50% done",
    "that is the wrong-book again",
    "قَالَ مُحَمَّدٌ نَعَمْ",
    "a café near the harbour",
    "getUserById returned error-401",
    "שָׁלוֹם to everybody",
    "the answer is 🎉 of course",
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("记忆断裂", [0]),
        ("断裂", [0]),
        ("忆", [0]),
        ("昨晚", [1]),
        ("修改youer服务端", [2]),
        ("youer", [2]),
        ("C++", [3, 4, 10]),
        ("foo.bar_baz", [5]),
        ("bar_baz", [5]),
        ("it's", [6]),
        ("src/main.py", [7]),
        ("main.py", [7]),
        ("#123", [8, 9]),
        ("a@b.c", [10]),
        ("50%", [11]),
        ("wrong-book", [12]),
        ("محمد", [13]),
        ("cafe", [14]),
        ("CAFÉ", [14]),
        ("getUserById", [15]),
        ("getuser*", [15]),
        ("error-401", [15]),
        ("שלום", [16]),
        ("🎉", [17]),
        ('"unbalanced harbour', [14]),
        ('"last year" -C', [8]),
        ("writing harbours", [14, 4, 3, 10]),
        ("harbour OR 昨晚", [1, 14]),
        ("year -c", []),
        ("nobody ever said this", []),
        ("", []),
        (" \t\n", []),
        ("++", [3]),
        ("--", []),
        ("((", []),
        ('"', []),
    ],
)
def test_queries_find_what_a_person_means(db: SessionDB, say: Say, query: str, found: list[int]) -> None:
    ids = [say(text) for text in SAID]
    result = db.search(query)
    expected = [ids[number] for number in found]
    if len(found) > 2 or " OR " in query:
        assert sorted(map(str, sessions(result))) == sorted(expected)
    else:
        assert sessions(result) == expected
    assert result.total == len(found)


def test_what_has_the_symbols_too_comes_first(db: SessionDB, say: Say) -> None:
    plain = say("C C C, nothing but C")
    literal = say("a long story about many things that ends with a remark on C++ and its ways")
    assert sessions(db.search("C++")) == [literal, plain]


def test_a_path_that_nobody_wrote_is_taken_apart(db: SessionDB, say: Say) -> None:
    say("python runs on py files")
    name = say("open main.py then")
    both = say("the main thing about py")
    result = db.search("src/main.py")
    assert result.relaxed
    assert sessions(result)[:2] == [name, both]


def test_of_ten_thousand_words_the_first_are_searched_for(db: SessionDB, say: Say) -> None:
    wanted = say("word number w7 is in here")
    result = db.search(" ".join(f"w{number}" for number in range(10_000)))
    assert "only the first 4,000 characters were searched for" in result.remarks
    assert sessions(result) == [wanted]
    assert result.relaxed


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("deploy", ["web", "api", "old"]),
        ("deploy role:user", ["web", "api", "old"]),
        ("deploy role:Assistant", []),
        ("deploy -role:user", []),
        ("deploy agent:codex", ["web", "old"]),
        ("deploy agent:claude", ["api"]),
        ("deploy -agent:codex", ["api"]),
        ("deploy agent:codex OR agent:claude-code", ["web", "api", "old"]),
        ("deploy project:/home/me/web", ["web"]),
        ("deploy project:WEB", ["web"]),
        ("deploy -project:web", ["api", "old"]),
        ("deploy tag:Release", ["api"]),
        ("deploy -tag:release", ["web", "old"]),
        ("deploy model:opus", ["api"]),
        ("deploy after:2026-03", ["web", "api"]),
        ("deploy before:2026-03", ["old"]),
        ("deploy until:2026-03-01", ["web", "old"]),
        ("deploy before:2026-03-01", ["old"]),
        ("deploy -after:2026-03", ["old"]),
        ("deploy after:2026-03-02 until:2026-03-02", ["api"]),
        ("agent:claude-code", ["api"]),
        ("agent:claude-code -deploy", []),
        ("agent:codex -deploy", ["web", "old"]),
        ("-deploy", ["web", "old"]),
        ("agent:codex agent:nobody 🎉", []),
    ],
)
def test_fields_bound_a_search(db: SessionDB, say: Say, query: str, found: list[str]) -> None:
    ids = {
        "old": say("deploy it", "done", at="2026-01-05"),
        "web": say("deploy it", "done", project="/home/me/web"),
        "api": say("deploy it", at="2026-03-02", agent="claude-code", tags=["release"], model="big-opus-4"),
    }
    assert sorted(map(str, sessions(db.search(query)))) == sorted(ids[name] for name in found)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"agent": "codex"}, ["web", "old"]),
        ({"project": "web"}, ["web"]),
        ({"role": "User"}, ["web", "api", "old"]),
        ({"role": "assistant"}, []),
        ({"since": "2026-03"}, ["web", "api"]),
        ({"since": "2026-03-02T00:00:00.000Z"}, ["api"]),
        ({"until": "2026-03-01"}, ["web", "old"]),
        ({"until": "2026-03-01T00:00:00.000Z"}, ["old"]),
    ],
)
def test_arguments_bound_a_search(
    db: SessionDB, say: Say, arguments: dict[str, Any], found: list[str]
) -> None:
    ids = {
        "old": say("deploy it", "done", at="2026-01-05"),
        "web": say("deploy it", "done", project="/home/me/web"),
        "api": say("deploy it", at="2026-03-02", agent="claude-code"),
    }
    result = db.search("deploy", **arguments)
    assert sorted(map(str, sessions(result))) == sorted(ids[name] for name in found)


def test_what_is_typed_comes_before_the_arguments(db: SessionDB, say: Say) -> None:
    codex, other = say("deploy it"), say("deploy it", agent="hermes", at="2026-03-05")
    db.notes.add("win", "deploy it", session_id=codex, created_at="2026-03-01T10:00:00.000Z")
    assert sessions(db.search("deploy agent:hermes", agent="codex")) == [other]
    assert sessions(db.search("deploy after:2026-03-04", since="2026-01")) == [other]
    assert [hit.source for hit in db.search("deploy in:notes", scope="talk").hits] == ["note"]


@pytest.mark.parametrize("word", ["before:each", "after:2026-13", "role:admin", "in:here", "until:now-ish"])
def test_a_field_that_makes_no_sense_is_a_word(db: SessionDB, say: Say, word: str) -> None:
    say("nothing")
    wanted = say(f"the hook {word} runs first")
    assert sessions(db.search(word)) == [wanted]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sort": "best"}, "unknown sort order 'best': give one of relevance, newest, oldest"),
        (
            {"scope": "web"},
            "cannot search in 'web': give one of talk, tools, notes, all",
        ),
        ({"role": "me"}, "unknown role 'me': give one of user, assistant, tool, system"),
        (
            {"since": "ever"},
            "cannot read the time 'ever': give 30d, last week, 2026-03 or 2026-03-01 14:00",
        ),
        ({"raw": True}, "this is not FTS5 syntax: unterminated string; without --raw any text will do"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_in_a_line(
    db: SessionDB, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        db.search('a "word', **arguments)
    assert str(error.value) == message


def test_raw_syntax_reaches_fts5(db: SessionDB, say: Say) -> None:
    near = say("the lock is held by the writer")
    say("the lock of the front door was changed by a man who knows what a writer is")
    titled = say("hello", title="Locks")
    assert sessions(db.search("NEAR(lock writer, 4)", raw=True)) == [near]
    assert sessions(db.search("title : lock", raw=True)) == [titled]
    assert db.search("lock NOT \ud800 \0", raw=True, scope="notes").hits == []


def test_a_busy_database_is_no_mistake_of_the_query(
    db: SessionDB, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise DatabaseBusy("locked")

    monkeypatch.setattr(db.search._queries, "scores", busy)
    with pytest.raises(DatabaseBusy):
        db.search("a", raw=True)


def test_what_holds_all_keywords_comes_first_and_what_holds_some_follows(db: SessionDB, say: Say) -> None:
    some = {say("a migration of birds"), say("sqlite is small")}
    wanted = say("the sqlite migration failed")
    result = db.search("sqlite migration")
    assert sessions(result)[0] == wanted
    assert set(sessions(result)[1:]) == some
    assert result.relaxed


def test_what_enough_sessions_hold_is_not_relaxed(db: SessionDB, say: Say) -> None:
    wanted = {say("the sqlite migration failed") for _ in range(5)}
    say("sqlite is small")
    result = db.search("sqlite migration")
    assert (set(sessions(result)), result.relaxed) == (wanted, False)


def test_operators_are_meant_as_they_are_written(db: SessionDB, say: Say) -> None:
    wanted = say("the disk is full, the drive is not")
    say("a full drive")
    for query in ('"disk is full"', "disk OR nothing", "disk full -empty", "dis* full"):
        assert sessions(db.search(query)) == [wanted]


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ("useSimpleTodos keeps them", "use_simple_todos"),
        ("use_simple_todos keeps them", "useSimpleTodos"),
        ("use-simple-todos keeps them", "UseSimpleTodos"),
        ("useSimpleTodos keeps them", "use simple todos"),
        ("the use of simple todos: use simple todos", "useSimpleTodos"),
        ("useSimpleTodos keeps them", "usesimple"),
        ("useSimpleTodos keeps them", "SimpleTodos"),
        ("useSimpleTodos keeps them", "letodos"),
        ("src/hooks/useTodos.ts was written", "hooks/use_todos"),
        ("src/hooks/useTodos.ts was written", "Hooks usetodos"),
        ("fixed in a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", "a1b2c3d4"),
        ("fixed in a1b2c3d", "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"),
        ("O'Brien wrote it", "obrien"),
        ("obrien wrote it", "O'Brien"),
        ("новая ёлка", "елка"),
        ("новая елка", "ёлка"),
        ("ガイドを読む", "ｶﾞｲﾄﾞ"),
        ("ｶﾞｲﾄﾞを読む", "ガイド"),
        ("in der Straße", "strasse"),
        ("in der Strasse", "straße"),
        ("the scrolling is slow", "scroling"),
        ("the scrolling is slow", "why is the scroling of that so slow"),
        ("the receiver", "recevier"),
    ],
)
def test_a_name_is_found_however_it_is_remembered(db: SessionDB, say: Say, said: str, query: str) -> None:
    say("nothing of it")
    wanted = say(said)
    assert sessions(db.search(query))[:1] == [wanted]


def test_what_was_looked_for_instead_is_said(db: SessionDB, say: Say) -> None:
    say("the scrolling is slow")
    assert db.search("scroling").remarks == ('nothing holds "scroling": looked for "scrolling"',)
    assert db.search("scrol").remarks == ('nothing holds "scrol": looked for "scrol..."',)
    assert db.search("crolling").remarks[0] == 'nothing holds "crolling" as a word: found inside longer ones'
    assert db.search("slow").remarks == ()


def test_a_short_word_in_company_is_no_slip_of_another(db: SessionDB, say: Say) -> None:
    say("the cart is slow")
    assert db.search("card slow").remarks == ()


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ("write an add-on for it", "where did we write the plugin"),
        ("write a plugin for it", "the addon that we did write"),
        ("the pull request is open", "which PR is it that is open"),
        ("which PR is open", "the pull request that is open"),
        ("installed the linter", "how did we set up the linter"),
        ("the folder is gone", "where is that directory of it"),
    ],
)
def test_a_question_is_answered_in_other_words(db: SessionDB, say: Say, said: str, query: str) -> None:
    say("a word of the weather")
    wanted = say(said)
    assert sessions(db.search(query))[:1] == [wanted]


def test_a_sentence_is_one_however_it_begins(db: SessionDB, say: Say) -> None:
    prompt = (
        "in the atlas project, how do i run it: rules for it in the project that i do run "
        + "and more " * 999
    )
    say(prompt)
    wanted = say("to run atlas: make run")
    result = db.search("in the atlas project, how do i run it")
    assert result.relaxed
    assert wanted in sessions(result)


def test_a_conversation_takes_one_place_where_that_is_wanted(db: SessionDB, say: Say) -> None:
    parent = say("deploy it, deploy, deploy")
    child = say("deploy", parent=parent, relation="subagent")
    grandchild = say("to deploy is to ship", parent=child, relation="continuation")
    fork = say("deploy elsewhere", parent=parent, relation="fork")
    listed = db.search("deploy").hits
    assert {hit.session_id: hit.parent_id for hit in listed} == {
        parent: None,
        child: parent,
        grandchild: child,
        fork: parent,
    }
    result = db.search("deploy", fold=True)
    shown = {hit.session_id: hit.others for hit in result.hits}
    assert (result.total, shown.pop(fork), list(shown.values())) == (2, 0, [2])


def test_nothing_found_names_what_would_find_something(db: SessionDB, say: Say, worked: str) -> None:
    say("the deploy failed", agent="hermes", at="2025-01-01")
    assert db.search("getUserById in:talk").remarks == ("1 found with --in all",)
    assert db.search("deploy after:2026-01").remarks == ("1 found at other times",)
    assert db.search("deploy agent:codex").remarks == ("1 found without agent",)
    assert db.search("quokka agent:codex").remarks == ()


def test_tools_are_looked_at_where_talk_is_silent(db: SessionDB, worked: str) -> None:
    result = db.search("getUserById")
    assert [(hit.session_id, hit.source) for hit in result.hits] == [(worked, "tool_call")]
    assert result.remarks == ("few messages match: tool calls are listed too",)
    assert db.search("getUserById", scope="talk").total == 0
    assert db.search("getUserById", role="user").total == 0


def test_keywords_that_nothing_holds_together_are_relaxed(db: SessionDB, say: Say) -> None:
    ids = {say("a migration of birds"), say("sqlite is small")}
    result = db.search("sqlite migration")
    assert set(sessions(result)) == ids
    assert result.relaxed


def test_of_many_keywords_what_holds_all_comes_first(db: SessionDB, say: Say) -> None:
    others = {say("retry retry retry with backoff"), say("the http client client client")}
    wanted = say("and so it came that, after a long day, the http client did retry with some backoff")
    result = db.search("http client retry backoff")
    assert result.relaxed
    assert sessions(result)[0] == wanted
    assert set(sessions(result)[1:]) == others


def test_a_question_is_answered_by_what_does_not_hold_its_words(db: SessionDB, say: Say) -> None:
    say("where did the time go, I wonder")
    wanted = say("I sold the old piano", "To whom?", "My neighbour Rita, for a song")
    result = db.search("Who did you sell the piano to?")
    assert result.relaxed
    assert sessions(result)[0] == wanted


def test_a_question_of_last_march_prefers_march(db: SessionDB, say: Say) -> None:
    say("the parser fails", at="2026-01-05")
    march = say("the parser fails", at="2026-03-05")
    say("the parser fails", at="2026-06-05")
    assert sessions(db.search("What failed in the parser in March 2026?"))[0] == march


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("in the quill project, where is it that the parser is", {"project": "/srv/quill"}),
        ("with hermes: where is it that the parser is", {"agent": "hermes"}),
        ("where is it that the parser is, in the claude chat", {"agent": "claude-code"}),
        ("on the fix-wal branch, where is the parser", {"metadata": {"git_branch": ["fix-wal"]}}),
    ],
)
def test_a_question_prefers_the_sessions_that_it_names(
    db: SessionDB, say: Say, query: str, fields: dict[str, Any]
) -> None:
    say("the parser is here, the parser is there, with a project and a chat on a branch", project="/srv/web")
    wanted = say("the parser is here", "and so on", **fields)
    assert sessions(db.search(query))[0] == wanted


def test_a_name_that_a_question_is_about_is_content(db: SessionDB, say: Say) -> None:
    say("the proxy is set", agent="codex")
    wanted = say("run codex behind a proxy", agent="hermes")
    assert sessions(db.search("how was it with running codex behind a proxy"))[0] == wanted


def test_a_name_alone_is_content_too(db: SessionDB, say: Say) -> None:
    wanted = say("we talked of codex", agent="hermes")
    assert sessions(db.search("was it with codex?")) == [wanted]


def test_titles_and_notes_count(db: SessionDB, say: Say) -> None:
    titled = say("hello", title="Kubernetes upgrade")
    noted = say("hello there")
    note = db.notes.add(
        "decision", "Kubernetes stays", session_id=noted, created_at="2026-03-09T10:00:00.000Z"
    )
    lone = db.notes.add("followup", "kubernetes later", project="/home/me/ops")
    result = db.search("kubernetes")
    found = {(hit.session_id, hit.source, hit.created_at, hit.project) for hit in result.hits}
    assert found == {
        (titled, "session", "2026-03-01T09:00:00.000Z", None),
        (noted, "note", note.created_at, None),
        (None, "note", lone.created_at, "/home/me/ops"),
    }
    assert [hit.session_id for hit in db.search("kubernetes project:ops").hits] == [None]


def test_a_title_made_of_the_prompt_counts_once(db: SessionDB, say: Say) -> None:
    session = say("fix the login", title="fix the login")
    with db.connection.transaction():
        db.connection.execute("UPDATE sessions SET title_source = 'prompt'")
    assert [(hit.session_id, hit.more) for hit in db.search("login").hits] == [(session, 0)]


@pytest.fixture
def worked(db: SessionDB) -> str:
    """Return a session in which two tools were called."""
    session = db.sessions.start("codex").id
    with db.turn(session) as turn:
        turn.append("user", "please look at the parser")
        path = {"path": "/srv/app/dao/db.py", "text": "first\ngetUserById(7)"}
        turn.append(
            "assistant",
            "I look at the parser.",
            tool_calls=[{"id": "c1", "name": "Read", "arguments": path}],
        )
        turn.append("tool", "def get_user():\n    raise   error-401\n" + "x" * 2000, tool_call_id="c1")
        turn.append("assistant", tool_calls=[{"id": "c2", "name": "Bash", "arguments": {"cmd": "ls parser"}}])
        turn.append("tool", "no parser here", tool_call_id="c2")
    return session


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ("db.py in:tools", [3]),
        ("dao/db.py in:tools", [3]),
        ("getUserById in:tools", [3]),
        ("error-401 in:tools", [3]),
        ("get_user in:tools", [3]),
        ("parser in:tools", [5]),
        ("parser tool:bash", [5]),
        ("parser role:tool", [5]),
        ("parser tool:read", []),
        ("parser tool:read in:talk", [2]),
        ("parser in:talk -tool:read", [1]),
        ("parser", [1, 2]),
        ("parser in:all", [1, 2, 5]),
        ("parser in:all role:user", [1]),
        ("parser in:all -role:tool", [1, 2]),
        ("get_user", [3]),
        ("get_user in:talk", []),
        ("tool:bash", [5]),
    ],
)
def test_talk_and_tools_are_searched_apart_and_together(
    db: SessionDB, worked: str, query: str, seqs: list[int]
) -> None:
    assert sorted(hit.seq or 0 for hit in db.search(query, flat=True).hits) == seqs


def test_a_snippet_of_a_tool_is_one_short_line(db: SessionDB, worked: str) -> None:
    hit = db.search("error-401 in:tools").hits[0]
    assert hit.snippet.startswith("def get_user(): raise «error-401» xxx")
    assert len(hit.snippet) < 260
    assert (hit.role, hit.source, hit.seq) == ("tool", "tool_call", 3)


@pytest.mark.once
@pytest.mark.parametrize("text", ["lorem ipsum ", "部署昨晚的服务 "])
def test_of_a_row_of_a_megabyte_an_excerpt_is_marked(
    db: SessionDB, say: Say, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite's own marking takes the square of the matches: for this row minutes.
    marked: list[str] = []
    snippets = Marker.snippets

    def note(marker: Marker, corpus: Any, texts: Any, expression: str) -> dict[int, str]:
        marked.extend(part for parts in texts.values() for part in parts)
        return snippets(marker, corpus, texts, expression)

    monkeypatch.setattr(Marker, "snippets", note)
    say(text * (1_000_000 // len(text.encode())))
    found = db.search(text).hits
    assert [hit.snippet[0] for hit in found] == ["«"]
    assert max(map(len, marked), default=0) <= EXCERPT + 2


def test_symbols_are_found_in_every_text_of_a_note(db: SessionDB) -> None:
    note = {"context": "x => y", "resolution": "a || b", "translations": {"de": "§§"}}
    db.notes.add("decision", "no symbol", project="/home/me/app", **note)  # type: ignore[arg-type]
    assert [db.search(symbol).total for symbol in ("=>", "||", "§§", "<=>")] == [1, 1, 1, 0]


@pytest.mark.parametrize("project", ["/home/me/App", "app/", "me/app", "ME", "/home/me"])
def test_a_project_means_the_same_in_a_search_and_in_a_list(db: SessionDB, say: Say, project: str) -> None:
    session = say("deploy", project="/home/me/App")
    say("deploy", project="/home/menu/apps")
    assert sessions(db.search("deploy", project=project)) == [session]
    assert [each.id for each in db.sessions.page(SessionFilter(project=project))] == [session]


def test_a_search_leaves_its_page_cache_to_the_next_one(db: SessionDB, say: Say) -> None:
    say("deploy")
    db.search("deploy")
    before = db.connection.value("PRAGMA cache_size")
    with db.connection.bulk_load():
        pass
    assert db.connection.value("PRAGMA cache_size") == before == -16384


def test_a_result_explains_itself(db: SessionDB, say: Say) -> None:
    say("deploy")
    assert list(db.search("deploy").explanation) == db.search.explain("deploy")


def test_a_snippet_of_a_segmented_text_marks_what_was_typed(db: SessionDB, say: Say) -> None:
    say("请修改youer服务端的代码")
    say("قَالَ مُحَمَّدٌ نَعَمْ")
    assert snippets(db.search("服务端")) == ["请修改youer«服务端»的代码"]
    assert snippets(db.search("محمد")) == ["قَالَ «مُحَمَّدٌ» نَعَمْ"]
    assert snippets(db.search("修改一下服务")) == ["请«修改»youer«服务»端的代码"]


def test_time_orders_by_when_it_was_said(db: SessionDB, say: Say) -> None:
    middle = say("deploy", "x", "deploy again", at="2026-03-03")
    first = say("deploy", at="2026-03-01")
    last = say("deploy", at="2026-03-09")
    assert sessions(db.search("deploy", sort="newest")) == [last, middle, first]
    assert sessions(db.search("deploy", sort="oldest")) == [first, middle, last]
    newest = db.search("deploy", sort="newest", flat=True)
    assert [hit.created_at for hit in newest.hits] == [
        "2026-03-09T09:00:00.000Z",
        "2026-03-03T09:02:00.000Z",
        "2026-03-03T09:00:00.000Z",
        "2026-03-01T09:00:00.000Z",
    ]
    assert [(hit.seq, hit.more) for hit in db.search("deploy", sort="newest").hits] == [
        (1, 0),
        (3, 1),
        (1, 0),
    ]


def test_filters_alone_list_in_the_order_of_time(db: SessionDB, say: Say) -> None:
    ids = [say("a", "b", at=f"2026-03-0{day}") for day in (2, 1, 3)]
    newest = [ids[2], ids[0], ids[1]]
    assert sessions(db.search("agent:codex")) == sessions(db.search("agent:codex", sort="newest")) == newest
    assert sessions(db.search("agent:codex", sort="oldest")) == newest[::-1]
    assert [hit.more for hit in db.search("agent:codex").hits] == [1, 1, 1]


def test_a_question_ordered_by_time_keeps_to_what_fits(db: SessionDB, say: Say) -> None:
    old = say("we keep the parser tests in tests/parser", at="2026-01-01")
    say("keep calm", at="2026-03-01")
    new = say("the parser tests we keep are slow", at="2026-02-01")
    assert sessions(db.search("where do we keep the parser tests?", sort="newest")) == [new, old]


def test_equals_are_ordered_by_how_recent_they_are(db: SessionDB, say: Say) -> None:
    ids = [say("deploy", at=f"2026-0{month}-01") for month in (2, 5, 3)]
    assert sessions(db.search("deploy")) == [ids[1], ids[2], ids[0]]


def test_flat_lists_every_match_the_best_first(db: SessionDB, say: Say) -> None:
    session = say("deploy", "nothing", "deploy and many more words besides")
    other = say("deploy deploy")
    result = db.search("deploy", flat=True)
    assert [(hit.session_id, hit.seq, hit.more) for hit in result.hits][-1] == (session, 3, 0)
    assert (result.total, {hit.session_id for hit in result.hits}) == (3, {session, other})
    assert [hit.score for hit in result.hits] == sorted((hit.score for hit in result.hits), reverse=True)


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
@pytest.mark.parametrize("flat", [False, True])
def test_pages_make_up_the_whole(db: SessionDB, say: Say, sort: str, flat: bool) -> None:
    for number in range(30):
        say("deploy " * (number % 4 + 1), "no", "deploy")
    whole = db.search("deploy", sort=sort, flat=flat, limit=None)
    pages = [db.search("deploy", sort=sort, flat=flat, limit=7, offset=at) for at in range(0, whole.total, 7)]
    assert [hit for page in pages for hit in page.hits] == whole.hits
    assert {page.total for page in pages} == {whole.total} == {60 if flat else 30}


@pytest.fixture
def common(db: SessionDB, say: Say) -> tuple[str, str]:
    """Return an old and a new session that share a word with more messages than are ranked."""
    old = say("common knowledge", at="2026-01-01")
    say(*["common"] * (NEWEST + 100), at="2026-02-01")
    return old, say("common sense", at="2026-03-01")


def test_of_a_common_word_the_newest_are_ranked_and_it_is_said(
    db: SessionDB, common: tuple[str, str]
) -> None:
    old, new = common
    result = db.search("common")
    assert result.truncated
    assert result.total == 2
    assert old not in sessions(result)
    exact = db.search("common", exact=True)
    assert not exact.truncated
    assert {old, new} < set(sessions(exact))
    newest, oldest = db.search("common", sort="newest", flat=True), db.search("common", sort="oldest")
    assert (newest.total, newest.truncated, sessions(newest)[0]) == (LISTED, True, new)
    assert (oldest.truncated, sessions(oldest)[0]) == (True, old)


def test_a_question_of_common_words_says_so_too(db: SessionDB, common: tuple[str, str]) -> None:
    old, _ = common
    result = db.search("is common knowledge?", flat=True)
    assert (result.total, result.truncated) == (BEST, True)
    assert sessions(result)[0] == old


def test_rows_that_no_index_has_yet_are_counted(db: SessionDB, say: Say) -> None:
    say("deploy", "deploy", "deploy")
    with db.connection.transaction():
        db.connection.execute("UPDATE search_state SET pending_from = 2 WHERE index_name = 'messages_fts'")
    assert db.search("deploy").pending == 2
    assert db.search("deploy", scope="tools").pending == 0


def test_explain_says_what_was_understood_and_found(db: SessionDB, say: Say) -> None:
    say("the piano was sold")
    assert db.search.explain("who did sell the piano? role:user") == [
        "words: who AND did AND sell AND the AND piano?",
        "role: user",
        "looked in: talk",
        "a question: any of its words may do",
        "found by any word: 1",
        'FTS5: "sell" OR "sold" OR "piano"',
    ]
    assert db.search.explain("piano sold -forte", scope="all") == [
        "words: piano AND sold AND -forte",
        "looked in: all",
        "found by all words: 1",
        'FTS5: ("piano" AND "sold") NOT "forte"',
    ]
    assert db.search.explain("role:user") == [
        "words: none",
        "role: user",
        "looked in: talk",
        "found by filters alone, in the order of time: 1",
    ]
    assert db.search.explain("") == [
        "words: none",
        "looked in: talk",
        "found by nothing, for nothing was asked: 0",
    ]
    assert db.search.explain("piano NOT forte", raw=True) == [
        "looked in: talk",
        "found by FTS5 syntax: 1",
        "FTS5: piano NOT forte",
    ]


def test_exclusions_hold_in_every_script(db: SessionDB, say: Say) -> None:
    plain = say("deploy on friday")
    chinese = say("deploy 昨晚")
    assert set(sessions(db.search("deploy"))) == {plain, chinese}
    assert sessions(db.search("deploy -昨晚")) == [plain]
    assert sessions(db.search("deploy -friday")) == [chinese]
    assert sessions(db.search("昨晚 -deploy")) == []
    assert sessions(db.search("昨晚 今天 -deploy")) == []
    assert sessions(db.search("-friday")) == [chinese]


def test_threads_share_a_search(db: SessionDB, say: Say) -> None:
    wanted = say("the needle")
    found: list[list[str | None]] = []
    threads = [
        threading.Thread(target=lambda: found.append(sessions(db.search("needle role:user"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[wanted]] * 8


PIECES = (
    *(
        '"',
        "'",
        "(",
        ")",
        "*",
        "-",
        "--",
        ":",
        "OR",
        "AND",
        "NOT",
        "NEAR(",
        "^",
        "{",
        "}",
        "+",
        "\\",
        "%",
        "_",
    ),
    *("role:", "role:user", "agent:", "in:", "in:all", "before:", "after:30d", "until:x", "tool:", "tag:x"),
    *("sessiondb", "the", "a", "migrat*", "src/main.py", "C++", "it's", "rowid", "rank", "content:", "NULL"),
    *(
        "昨晚",
        "记",
        "ー",
        "한국",
        "مُحَمَّد",
        "שָׁ",
        "e\u0301",
        "\u0301",
        "ß",
        "İ",
        "ﬁ",
        "🎉",
        "👩‍👩‍👧",
        "\u200b",
        "\ufeff",
        "\u202e",
    ),
    *(
        "\0",
        "\ud800",
        "\udfff",
        "\n",
        "\t",
        "\x1b[31m",
        "\x7f",
        "1",
        "0x",
        "1e999",
        "-1",
        "in:tools",
        "?",
        "？",
    ),
)


def hostile_texts(count: int) -> Iterator[str]:
    chance = random.Random(count)
    for _ in range(count):
        length = int(chance.expovariate(0.2))
        if chance.random() < 0.3:
            yield "".join(chr(int(chance.paretovariate(0.7) * 32) % 0x110000) for _ in range(length))
        else:
            yield chance.choice(("", " ")).join(chance.choices(PIECES, k=length))


@pytest.mark.once
def test_no_text_is_an_error(db: SessionDB, say: Say, worked: str) -> None:
    for text in SAID:
        say(text, title=text)
    for text in hostile_texts(int(os.environ.get("SESSIONDB_HOSTILE_TEXTS", "200"))):
        try:
            result = db.search(text, limit=3)
        except Exception as error:
            raise AssertionError(f"{text!r} raised {error!r}") from error
        assert len(result.hits) <= result.total


def random_messages(count: int) -> Iterator[str]:
    chance = random.Random(5)
    alphabets = (
        "abcdefghijklmnopqrstuvwxyz",
        "etaoinsing",
        "ABCdef0123456789",
        "äöüßéèñçøåŁžİı",
        "абвгдежзийклмноп",
        "αβγδεζηθικλς",
        "昨晚今天记忆断裂服务端修改",
        "ひらがなカタカナー",
        "한국어말씀",
        "ابتثجحخ",
        "שלוםעולם",
        "กขคงจ",
    )
    joints = (
        " ",
        " ",
        " ",
        "\n",
        ", ",
        ". ",
        "/",
        "-",
        "_",
        "::",
        "'",
        "’",
        "(",
        ")",
        '"',
        "=",
        "…",
        "\t",
        "🎉",
    )
    for _ in range(count):
        words = [
            "".join(chance.choices(chance.choice(alphabets), k=chance.randint(1, 9)))
            for _ in range(chance.randint(1, 16))
        ]
        yield "".join(word + chance.choice(joints) for word in words)


@pytest.mark.once
def test_every_word_of_a_message_finds_it(db: SessionDB, say: Say) -> None:
    messages = list(random_messages(100))
    for start in range(0, 100, 25):
        say(*messages[start : start + 25])
    missed = []
    for number, message in enumerate(messages, 1):
        for word in dict.fromkeys(message.replace('"', " ").split()):
            quoted = f'"{word}"' if tokens(word) else word
            found = db.search(quoted, exact=True, limit=None, flat=True)
            if tokens(word) and number not in {hit.message_id for hit in found.hits}:
                missed.append((word, message))
    assert missed == []


def test_a_search_reads_only(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.messages.append(db.sessions.start("codex").id, "user", "the needle")
    before = path.read_bytes()
    with SessionDB(path, read_only=True) as db:
        assert db.search("needle").total == 1
        assert db.search("what is the needle?").total == 1
        with pytest.raises(sqlite3.OperationalError):
            db.connection.sqlite.execute("DELETE FROM messages")
    assert path.read_bytes() == before


def test_a_query_of_fifty_thousand_characters_is_cut_in_words(db: SessionDB, say: Say) -> None:
    say(*[f"ferry timetable {number}" for number in range(50)])
    letters = random.Random(1)
    noise = "".join(map(chr, letters.choices((*range(32, 127), *range(0x4E00, 0x9FFF)), k=50_000)))
    result = db.search(noise)
    assert "only the first 4,000 characters were searched for" in result.remarks
    assert sessions(db.search("ferry " + "timetable " * 10_000))


def test_what_is_removed_while_a_search_runs_is_shown_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SessionDB(tmp_path / "sessions.db") as db, SessionDB(tmp_path / "sessions.db") as other:
        session = db.sessions.start("test").id
        db.messages.append(session, "user", "the quick brown fox")
        found = Search._find

        def find(self: Search, *asked: Any) -> Any:
            matches = found(self, *asked)
            other.remove(session)
            return matches

        monkeypatch.setattr(Search, "_find", find)
        assert [hit.session_id for hit in db.search("fox").hits] == [session]
        monkeypatch.undo()
        assert not db.search("fox").hits
