"""Tables, colours and progress on a terminal and elsewhere."""

from __future__ import annotations

import io
from typing import Any

import pytest

from sessiondb import timestamps
from sessiondb.chat.text import width
from sessiondb.cli import tables
from sessiondb.cli.render import Progress, print_notice, show_rows, show_text
from sessiondb.cli.tables import Column, Listing, Output, table

COLUMNS = (
    Column("id", "id"),
    Column("title", "title", least=8),
    Column("count", "count", "number"),
    Column("tokens", "tokens", "short"),
    Column("at", "at", "time"),
    Column("cost", "cost", "cost"),
)
ROWS = [
    {
        "id": "a1",
        "title": "A long title that goes on and on",
        "count": 7,
        "tokens": 1234,
        "at": None,
        "cost": 1_500_000,
    },
    {
        "id": "b",
        "title": "夜市的摊位表在这里，请排序，只留前三名",
        "count": 12,
        "tokens": None,
        "at": None,
        "cost": None,
    },
]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of stdout and stderr, after pytest has put its own there."""
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    return screen


def test_elsewhere_nothing_is_cut() -> None:
    assert list(table(Output(), COLUMNS, ROWS)) == [
        "id  title                                   count  tokens  at   cost",
        "a1  A long title that goes on and on            7    1.2k      $1.50",
        "b   夜市的摊位表在这里，请排序，只留前三名     12",
    ]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (46, ["A long title that goes…", "夜市的摊位表在这里，请…"]),
        (38, ["A long title t…", "夜市的摊位表在…"]),
        (20, ["A long…", "夜市的…"]),
    ],
)
def test_a_table_is_cut_to_the_terminal_down_to_a_least_width(
    monkeypatch: pytest.MonkeyPatch, columns: int, expected: list[str]
) -> None:
    terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))

    lines = list(table(Output(headers=False), COLUMNS, ROWS))

    assert [line[4 : line.index("…") + 1] for line in lines] == expected
    assert columns < 40 or max(map(width, lines)) == columns


def test_headings_are_short_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    column = (Column("count", "messages", "number", short="msgs"),)
    before = list(table(Output(), column, [{"count": 7}]))
    terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")

    assert (before, list(table(Output(), column, [{"count": 7}]))) == (
        ["messages", "       7"],
        ["msgs", "   7"],
    )


def test_wide_tables_are_not_cut_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "30")

    assert "A long title that goes on and on" in list(table(Output(is_wide=True), COLUMNS, ROWS))[1]


def test_times_are_relative_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    row = [{"at": timestamps.parse_moment("3h")}]
    column = (Column("at", "at", "time"),)

    near = list(table(Output(headers=False), column, row))
    monkeypatch.setattr("sys.stdout", io.StringIO())

    assert near == ["3h ago"]
    assert list(table(Output(headers=False), column, row)) == [timestamps.local_text(row[0]["at"])]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, "\x1b[1mid\x1b[0m\n"), ({"NO_COLOR": "1"}, "id\n"), ({"TERM": "dumb"}, "id\n")],
)
def test_headings_are_bold_where_there_are_colours(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    screen = terminal(monkeypatch)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    show_rows(Output(), Listing(("id",), (Column("id", "id"),)), [{"id": "x"}])

    assert screen.getvalue() == expected + "x\n"


def test_cells_cannot_drive_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    listing = Listing(("title", "parts"), (Column("title", "title"),))
    row: dict[str, Any] = {"title": "\x1b[2J\u202e\nx", "parts": ["\x9b"]}

    for form in ("table", "json", "nl", "csv", "tsv", "github"):
        show_rows(Output(form), listing, [row])

    printed = capsys.readouterr().out
    assert {"\x1b", "\u202e", "\x9b"} & set(printed) == set()
    assert printed.splitlines()[:2] == ["title", "\\x1b[2J\\u202e x"]


NOTICE = "  3 more rows that no table has room for: `sessiondb list -n 0` lists them, 夜市的摊位表 too"


def test_a_terminal_gets_notices_without_broken_words_and_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "42")

    print_notice(NOTICE)
    print_notice("x" * 50)
    print_notice(NOTICE, whole=True)

    assert screen.getvalue().splitlines() == [
        "  3 more rows that no table has room for:",
        "    `sessiondb list -n 0` lists them,",
        "    夜市的摊位表 too",
        "x" * 50,
        NOTICE,
    ]


def test_elsewhere_a_notice_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_notice(NOTICE)

    assert capsys.readouterr().err == f"{NOTICE}\n"


@pytest.mark.parametrize(
    ("form", "expected"), [("json", "[]\n"), ("nl", ""), ("csv", "a,b\n"), ("table", "")]
)
def test_no_rows_are_still_in_the_form_asked_for(
    capsys: pytest.CaptureFixture[str], form: str, expected: str
) -> None:
    show_rows(Output(form), Listing(("a", "b"), (Column("a", "a"),)), [])

    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(("value", "expected"), [("132", 132), ("wide", 80), ("0", 80), ("", 80)])
def test_columns_tells_the_width(monkeypatch: pytest.MonkeyPatch, value: str, expected: int) -> None:
    monkeypatch.setenv("COLUMNS", value)

    assert tables.terminal_width() == expected


def test_paged_text_goes_to_the_pager_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    paged: list[str] = []
    monkeypatch.setattr("click.echo_via_pager", lambda lines, color: paged.extend(lines))

    show_text(["one", "two"], paged=True)
    show_text(["three"])
    monkeypatch.setattr("sys.stdout", io.StringIO())
    show_text(["four"], paged=True)

    assert (paged, screen.getvalue()) == (["one\n", "two\n"], "three\n")


def test_progress_has_a_bar_for_each_phase_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with Progress({"read": "reading", "index": "indexing"}) as progress:
        for done in (1, 2):
            progress("read", done, 2)
        progress("index", 5, 5)

    lines = screen.getvalue()
    assert [word for word in ("reading", "indexing") if word in lines] == ["reading", "indexing"]
    assert lines.count("100%") == 2


def test_a_search_for_files_that_takes_long_says_how_many_it_has_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)
    clock = iter((0.0, 0.5, 1.5, 1.6, 2.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with Progress({"find": "looking at"}) as progress:
        for found in (100, 1200, 1300, 1400):
            progress("find", found, found)

    said = [text for text in screen.getvalue().split("\r") if text.strip()]
    assert said == ["looking at 1,200 files", "looking at 1,400 files"]
    assert screen.getvalue().endswith(" \r")


def test_progress_is_silent_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress({"read": "reading"}) as progress:
        progress("read", 1, 2)

    assert capsys.readouterr() == ("", "")
