"""A session as blocks: what is folded, how lines are broken, what words are looked for."""

from __future__ import annotations

import pytest

from sessiondb import SessionDB
from sessiondb.chat.text import width
from sessiondb.cli.browse.blocks import Block, blocks_of, words_of, wrapped
from tests.helpers.payloads import PAYLOADS


def test_calls_and_thoughts_are_folded_and_talk_is_not() -> None:
    with SessionDB(":memory:") as db:
        id = db.sessions.start("codex", project="/src").id
        db.messages.append(id, "user", "Why?")
        call = {"id": "c1", "name": "Bash", "arguments": {"command": "ls"}}
        db.messages.append(id, "assistant", "Look.", reasoning="hm\nhm", tool_calls=[call])
        db.messages.append(id, "tool", "a\nb", tool_call_id="c1")
        agent = db.sessions.start("codex", title="Helper", parent=id, relation="subagent")
        blocks = blocks_of(db.transcript(id), [agent])

    kinds = [(block.kind, block.is_folded, block.body) for block in blocks]
    assert kinds == [
        ("message", False, "Why?"),
        ("message", False, "Look."),
        ("reasoning", True, "hm\nhm"),
        ("call", True, "a\nb"),
        ("agent", False, ""),
    ]
    assert [line.plain for line in blocks[3].lines(40)] == ["▸ Bash: ls  … 2 lines"]
    assert blocks[4].opens == agent.id


@pytest.mark.parametrize(
    ("text", "room", "lines"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("a\tb", 10, ["a   b"]),
        ("船船船船", 5, ["船船", "船船"]),
        ("", 5, [""]),
        ("x\n\ny", 5, ["x", "", "y"]),
        ("船", 1, ["船"]),
    ],
)
def test_lines_are_broken_at_blanks_and_by_columns(text: str, room: int, lines: list[str]) -> None:
    assert list(wrapped(text, room)) == lines


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_in_a_session_drives_the_terminal(payload: str) -> None:
    for line in Block("message", "head", "", f"a {payload} b").lines(20):
        assert all(character.isprintable() for character in line.plain)
        assert width(line.plain) <= 20


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("lock agent:codex -writer", "the writer's LOCK", ["LOCK"]),
        ('"disk full" OR db.py', "disk full in db.py, dbxpy", ["disk full", "db.py"]),
        ("migrat*", "migration", ["migrat"]),
        ("a parser", "a parser and subparsers", ["parser"]),
        ("a", "a cat", ["a"]),
        ("渡船", "坐渡船去", ["渡船"]),
    ],
)
def test_the_words_of_a_query_are_found(query: str, text: str, found: list[str]) -> None:
    words = words_of(query)
    assert words is not None
    assert words.findall(text) == found


def test_a_query_of_fields_alone_looks_for_no_word() -> None:
    assert words_of("agent:codex after:30d (") is None
