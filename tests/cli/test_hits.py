"""Search results as text."""

from __future__ import annotations

import io

import pytest

from sessiondb.chat.text import width
from sessiondb.cli.hits import drawn, fitting, lines, remarks
from sessiondb.records import SearchHit, SearchResult

HIT = SearchHit(
    "s1", "Title", "codex", "/home/mira/quill", 7, 3, "user", "2026-03-02T08:00:00.000Z", "a «b» c", 1.0
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def hit(**changes: object) -> SearchHit:
    return SearchHit(**{**{name: getattr(HIT, name) for name in HIT.__dataclass_fields__}, **changes})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            HIT,
            [
                "Title",
                "  codex · quill · 2026-03-02 08:00 · s1 · #3 · user",
                "  a «b» c",
                "  sessiondb show s1 --around 3",
            ],
        ),
        (
            hit(
                message_id=None,
                seq=None,
                role=None,
                created_at=None,
                source="session",
                project=None,
                more=1200,
            ),
            ["Title", "  codex · s1 · title", "  a «b» c", "  1,200 more in this session: sessiondb show s1"],
        ),
        (
            hit(others=2),
            [
                "Title",
                "  codex · quill · 2026-03-02 08:00 · s1 · #3 · user",
                "  a «b» c",
                "  sessiondb show s1 --around 3",
                "  2 more sessions of this conversation: --all lists them",
            ],
        ),
        (
            hit(session_id=None, title=None, agent=None, seq=None, role=None, created_at=None, source="note"),
            ["(no title)", "  quill · note", "  a «b» c", "  a note on the project"],
        ),
        (
            hit(seq=None, role=None, created_at=None, source="note", note_id=4, note_status="done"),
            ["Title", "  codex · quill · s1 · note 4, done", "  a «b» c", "  sessiondb show s1"],
        ),
        (
            hit(title="\x1bT", agent="\x1bA", project="/\x1bP", role="\x1bR", snippet="x\x1b\ny"),
            [
                "\\x1bT",
                "  \\x1bA · \\x1bP · 2026-03-02 08:00 · s1 · #3 · \\x1bR",
                "  x\\x1b y",
                "  sessiondb show s1 --around 3",
            ],
        ),
    ],
)
def test_a_hit_says_what_where_and_how_to_see_it(found: SearchHit, expected: list[str]) -> None:
    assert list(lines([found], {"s1": "s1"})) == expected


def test_marked_words_are_bold_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")

    shown = list(lines([hit(snippet="«a» b «c» «open")], {"s1": "s1"}))[2]

    assert shown == "  \x1b[1ma\x1b[0m b \x1b[1mc\x1b[0m «open"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (SearchResult("q", [HIT], 1), []),
        (SearchResult("q", [], 0), ["no results"]),
        (SearchResult("q", [], 5), ["no results at this offset"]),
        (
            SearchResult("q", [HIT], 1, relaxed=True, truncated=True, pending=2),
            [
                "few sessions contain all the words; those with some of them are listed too",
                "of so many matches only the newest, or the best, were ranked; use --exact to rank them all",
                "2 rows cannot be searched yet: wait for the running import, or run `sessiondb optimize`",
            ],
        ),
    ],
)
def test_a_result_is_taken_for_what_it_is(result: SearchResult, expected: list[str]) -> None:
    assert list(remarks(result)) == expected


def test_a_terminal_gets_session_words_and_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    found = hit(title="Amounts", more=4, others=1, agent="claude-code", created_at="2020-03-02T08:00:00.000Z")

    assert list(drawn([found], {"s1": "s1"}, 60)) == [
        [
            "Amounts                          claude · quill · 2020-03-02",
            "  a «b» c",
            "  sessiondb show s1 --around 3 · sessiondb resume s1",
            "  +4 here · +1 session (--all)",
        ]
    ]


def test_a_terminal_is_told_what_has_become_of_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    found = hit(seq=None, role=None, created_at=None, source="note", note_id=4, note_status="superseded")

    (block,) = drawn([found], {"s1": "s1"}, 60)
    assert block[0].endswith("  codex · quill · note 4, superseded")


@pytest.mark.parametrize("columns", [24, 40, 80, 140])
@pytest.mark.parametrize("snippet", ["船" * 200, "x" * 300, "«" + "word " * 60 + "»", "/a/b " * 80, ""])
def test_no_line_of_a_hit_is_longer_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int, snippet: str
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    (block,) = drawn([hit(snippet=snippet, title="title " * 40)], {"s1": "s1"}, columns)

    *text, commands = block
    assert [line for line in text if width(line.replace("«", "").replace("»", "")) > columns] == []
    assert commands.startswith("  sessiondb show s1 --around 3")


def test_marked_words_are_painted_across_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    (block,) = drawn([hit(snippet=f"{'a ' * 9}«b c»")], {"s1": "s1"}, 22)

    assert block[1:3] == ["  a a a a a a a a a \x1b[31m\x1b[1mb\x1b[0m", "  \x1b[31m\x1b[1mc\x1b[0m"]


def test_as_many_hits_are_shown_as_fit_and_one_always() -> None:
    blocks = [["1", "1"], ["2", "2"], ["3"]]

    assert [len(list(fitting(blocks, lines))) for lines in (0, 2, 4, 5, 6, 7)] == [1, 1, 1, 2, 2, 3]
