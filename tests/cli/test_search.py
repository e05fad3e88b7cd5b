"""sessiondb search: what a query finds, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]


def found(result: Result) -> list[tuple[str, int | None]]:
    assert result.exit_code == 0, result.stderr
    return [(hit["session_id"], hit["seq"]) for hit in json.loads(result.stdout)["hits"]]


def test_hits_say_where_they_are_and_how_to_see_them(filled: Path, run: Run) -> None:
    result = run("search", "parser", "cup")

    assert result.stdout == (
        "Recipe parser\n"
        "  codex · quill · 2026-03-02 08:00 · 11112222-p · #2 · user\n"
        "  Where does the «parser» lose ½ «cup»?\n"
        "  sessiondb show 11112222-p --around 2\n"
    )
    assert (result.stderr, result.exit_code) == ("", 0)


def test_json_has_the_fields_of_a_hit(filled: Path, run: Run) -> None:
    answer = json.loads(run("search", "parser", "cup", "--json").stdout)

    (hit,) = answer.pop("hits")
    assert answer == {"query": "parser cup", "relaxed": False, "truncated": False, "total": 1}
    assert hit.pop("score") > 0
    assert hit == {
        "session_id": "11112222-parser",
        "title": "Recipe parser",
        "agent": "codex",
        "project": "/home/mira/src/quill",
        "message_id": 2,
        "seq": 2,
        "role": "user",
        "created_at": "2026-03-02T08:00:01.000Z",
        "snippet": "Where does the «parser» lose ½ «cup»?",
        "more": 0,
        "source": "message",
        "parent_id": None,
    }


@pytest.mark.parametrize("status", ["open", "done", "superseded", "obsolete"])
def test_a_note_says_what_has_become_of_it(filled: Path, run: Run, status: str) -> None:
    with SessionDB(filled) as db:
        (note,) = db.notes.find(kind="decision")
        if status != "open":
            db.notes.set_status(note.id, status)
    listed = run("search", "fractions", "--in", "notes").stdout
    (hit,) = json.loads(run("search", "fractions", "--in", "notes", "--json").stdout)["hits"]
    line = json.loads(run("search", "fractions", "--in", "notes", "--nl").stdout)

    assert f" · note {note.id}, {status}\n" in listed
    assert (hit["note_id"], hit["note_status"]) == (note.id, status)
    assert line == hit


def test_nl_and_csv_have_a_line_for_each_hit(filled: Path, run: Run) -> None:
    (line,) = run("search", "ferry", "--nl").stdout.splitlines()
    headings, row = run("search", "ferry", "--csv").stdout.splitlines()

    assert json.loads(line)["session_id"] == "11112222-ferry"
    assert headings.startswith(
        "session_id,title,agent,project,message_id,seq,role,created_at,snippet,score,more"
    )
    assert row.startswith("11112222-ferry,船 Ferry,hermes,,6,1,user,")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["amounts.py"], [("11112222-parser", 5)]),
        (["amounts.py", "--in", "tools"], [("11112222-parser", 4)]),
        (["fractions", "--in", "notes"], [("11112222-parser", None)]),
        (["船"], [("11112222-ferry", None)]),
        (["look OR ferry", "--agent", "hermes"], [("11112222-ferry", 1)]),
        (["look OR ferry", "--project", "quill"], [("11112222-parser", 3)]),
        (["look", "--role", "user"], []),
        (["look OR leave", "--since", "2026-03-03"], [("11112222-ferry", 1)]),
        (["look OR leave", "--until", "2026-03-03"], [("11112222-parser", 3)]),
        (["look OR leave", "--sort", "newest"], [("11112222-ferry", 1), ("11112222-parser", 3)]),
        (["look OR leave", "--sort", "oldest"], [("11112222-parser", 3), ("11112222-ferry", 1)]),
        (["look OR leave", "--sort", "oldest", "-n", "1", "--offset", "1"], [("11112222-ferry", 1)]),
        (["--raw", "NEAR(parser cup)"], [("11112222-parser", 2)]),
    ],
)
def test_options_choose_among_the_hits(
    filled: Path, run: Run, arguments: list[str], expected: list[tuple[str, int | None]]
) -> None:
    assert found(run("search", "--json", *arguments)) == expected


@pytest.mark.parametrize("word", ["-parser", "-new", "-word", "-hermes", "-x"])
def test_a_word_with_a_dash_is_excluded_and_no_option(filled: Path, run: Run, word: str) -> None:
    result = run("search", "cup", word, "--json")

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["query"] == f"cup {word}"
    assert bool(json.loads(result.stdout)["hits"]) == (word != "-parser")


def test_short_options_still_are_options(filled: Path, run: Run) -> None:
    assert len(found(run("search", "look OR leave", "--json", "-n1"))) == 1
    assert len(found(run("search", "look OR leave", "--json", "-n", "1"))) == 1
    assert run("search", "-h").stdout.startswith("Usage: sessiondb search")


@pytest.mark.parametrize(
    "query",
    [
        "it's",
        "src/main.py",
        "C++",
        "#123",
        '"unbalanced',
        "",
        "((",
        "-",
        "NOT",
        "*",
        "a@b.c",
        "50%",
        "\x1b[2J",
    ],
)
def test_no_text_is_an_error(filled: Path, run: Run, query: str) -> None:
    result = run("search", "--json", "--", query)

    assert (json.loads(result.stdout)["query"], result.exit_code) == (query, 0)


def test_nothing_found_is_said_and_no_error(filled: Path, run: Run) -> None:
    result = run("search", "zeppelin")

    assert (result.stdout, result.stderr, result.exit_code) == ("", "no results\n", 0)


def test_a_relaxed_search_says_so(filled: Path, run: Run) -> None:
    result = run("search", "which zeppelin parser loses amounts of sugar")

    assert "11112222-p" in result.stdout
    assert result.stderr == "few sessions contain all the words; those with some of them are listed too\n"


def test_a_mistake_in_raw_syntax_is_one_line(filled: Path, run: Run) -> None:
    result = run("search", "--raw", "AND AND")

    assert (result.stdout, result.exit_code, result.stderr.count("\n")) == ("", 1, 1)
    assert "without --raw any text will do" in result.stderr


def test_explain_says_what_was_understood(filled: Path, run: Run) -> None:
    result = run("search", "cup role:user -spoon", "--explain")

    assert result.stderr.splitlines() == [
        "words: cup AND -spoon",
        "role: user",
        "looked in: talk",
        "found by all words: 1",
        'FTS5: "cup" NOT "spoon"',
    ]
    assert "«cup»" in result.stdout


def test_hits_that_the_limit_leaves_out_are_counted(filled: Path, run: Run) -> None:
    result = run("search", "look OR leave", "-n", "1")

    assert result.stderr == "1 more; use -n/--limit to see them (0 means all)\n"


def test_further_hits_of_a_session_are_counted_or_listed(filled: Path, run: Run) -> None:
    with SessionDB(filled) as db:
        for text in ("the ferry is late", "another ferry"):
            db.messages.append("11112222-ferry", "assistant", text)

    grouped, flat = run("search", "ferry", "--in", "talk"), run("search", "ferry", "--messages", "--json")

    assert "  3 more in this session: sessiondb show 11112222-f --around " in grouped.stdout
    assert sorted(hit[1] or 0 for hit in found(flat)) == [0, 1, 2, 3]


def test_rows_that_cannot_be_searched_yet_are_counted(filled: Path, run: Run) -> None:
    with SessionDB(filled) as db, db.connection.transaction():
        db.connection.execute("UPDATE search_state SET pending_from = 1 WHERE index_name = 'tool_calls_fts'")

    assert run("search", "grep", "--in", "tools").stderr == (
        "1 row cannot be searched yet: wait for the running import, or run `sessiondb optimize`\n"
    )


def test_a_table_folds_a_conversation_and_json_does_not(filled: Path, run: Run) -> None:
    with SessionDB(filled) as db:
        child = db.sessions.start("codex", id="99998888-child", parent="11112222-parser", relation="subagent")
        db.messages.append(child.id, "user", "Where does the parser lose a cup?")

    table = run("search", "parser", "cup").stdout
    assert table.count("sessiondb show") == 1
    assert "1 more session of this conversation: --all lists them" in table
    assert run("search", "parser", "cup", "--all").stdout.count("sessiondb show") == 2
    hits = json.loads(run("search", "parser", "cup", "--json").stdout)["hits"]
    assert {hit["session_id"]: hit["parent_id"] for hit in hits} == {
        "11112222-parser": None,
        "99998888-child": "11112222-parser",
    }
