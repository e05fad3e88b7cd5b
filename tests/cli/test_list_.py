"""sessiondb list: which sessions, in which order, in which form."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]

TABLE = """\
id          title          agent   project  started           last active       messages  tokens
11112222-f  船 Ferry       hermes           2026-03-05 12:00  2026-03-05 12:00         1
11112222-p  Recipe parser  codex   quill    2026-03-02 08:00  2026-03-02 08:05         3   31.5k
33334444                   hermes           2026-01-01 00:00  2026-01-01 00:00         0
"""

PARSER = {
    "id": "11112222-parser",
    "native_id": "11112222-parser",
    "key": None,
    "agent": "codex",
    "title": "Recipe parser",
    "project": "/home/mira/src/quill",
    "model": "gpt-5",
    "platform": None,
    "started_at": "2026-03-02T08:00:00.000Z",
    "last_active_at": "2026-03-02T08:05:00.000Z",
    "ended_at": "2026-03-02T08:06:00.000Z",
    "end_reason": "done",
    "message_count": 3,
    "tool_call_count": 1,
    "input_tokens": 1200,
    "cache_read_tokens": 30000,
    "cache_write_tokens": None,
    "output_tokens": 300,
    "reasoning_tokens": 100,
}


def ids(result: Result) -> list[str]:
    assert result.exit_code == 0, result.stderr
    return [session["id"] for session in json.loads(result.stdout)]


def test_table_shows_the_newest_activity_first(filled: Path, run: Run) -> None:
    result = run("list")

    assert (result.stdout, result.stderr, result.exit_code) == (TABLE, "", 0)


def test_json_has_the_fields_in_their_order(filled: Path, run: Run) -> None:
    (found,) = json.loads(run("list", "--agent", "codex", "--json").stdout)

    assert found == PARSER
    assert list(found) == list(PARSER)


def test_nl_is_a_line_of_json_for_each_session(filled: Path, run: Run) -> None:
    lines = run("list", "--nl").stdout.splitlines()

    assert [json.loads(line)["id"] for line in lines] == ["11112222-ferry", "11112222-parser", "33334444-fig"]
    assert json.loads(lines[1]) == PARSER


@pytest.mark.parametrize(("option", "delimiter"), [("--csv", ","), ("--tsv", "\t")])
def test_csv_has_all_fields_and_headings_unless_told(
    filled: Path, run: Run, option: str, delimiter: str
) -> None:
    with_headings = list(csv.reader(io.StringIO(run("list", option).stdout), delimiter=delimiter))
    without = list(csv.reader(io.StringIO(run("list", option, "--no-headers").stdout), delimiter=delimiter))

    assert with_headings[0] == list(PARSER)
    assert with_headings[2] == ["" if value is None else str(value) for value in PARSER.values()]
    assert without == with_headings[1:]


def test_fmt_is_a_style_of_tabulate(filled: Path, run: Run) -> None:
    result = run("list", "--fmt", "github", "--agent", "codex")

    assert result.stdout == (
        "| id         | title         | agent   | project   | started          | last active      "
        "|   messages |   tokens |\n"
        "|------------|---------------|---------|-----------|------------------|------------------"
        "|------------|----------|\n"
        "| 11112222-p | Recipe parser | codex   | quill     | 2026-03-02 08:00 | 2026-03-02 08:05 "
        "|          3 |    31.5k |\n"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--agent", "hermes"], ["11112222-ferry", "33334444-fig"]),
        (["--project", "quill"], ["11112222-parser"]),
        (["--project", "/home/mira/src/quill/"], ["11112222-parser"]),
        (["--model", "gpt"], ["11112222-parser"]),
        (["--platform", "telegram"], ["11112222-ferry"]),
        (["--tag", "kitchen"], ["11112222-parser"]),
        (["--open"], ["11112222-ferry"]),
        (["--ended"], ["11112222-parser", "33334444-fig"]),
        (["--since", "2026-03-02"], ["11112222-ferry", "11112222-parser"]),
        (["--until", "2026-03-02"], ["11112222-parser", "33334444-fig"]),
        (["--until", "2026-03-02 07:59"], ["33334444-fig"]),
        (["--agent", "hermes", "--ended", "--until", "2026-01"], ["33334444-fig"]),
        (["--agent", "nobody"], []),
    ],
)
def test_filters_choose_sessions(filled: Path, run: Run, options: list[str], expected: list[str]) -> None:
    assert ids(run("list", "--json", *options)) == expected


@pytest.mark.parametrize(
    ("options", "expected", "remark"),
    [
        (["-n", "1"], ["11112222-ferry"], "2 more; use -n/--limit to see them (0 means all)\n"),
        (
            ["--limit", "1", "--offset", "1"],
            ["11112222-parser"],
            "1 more; use -n/--limit to see them (0 means all)\n",
        ),
        (["-n", "1", "--offset", "2"], ["33334444-fig"], ""),
        (["-n", "0"], ["11112222-ferry", "11112222-parser", "33334444-fig"], ""),
        (["-n", "0", "--offset", "1"], ["11112222-parser", "33334444-fig"], ""),
    ],
)
def test_what_the_limit_leaves_out_is_said(
    filled: Path, run: Run, options: list[str], expected: list[str], remark: str
) -> None:
    result = run("list", "--json", *options)

    assert (ids(result), result.stderr) == (expected, remark)


def test_no_match_is_no_error(filled: Path, run: Run) -> None:
    result = run("list", "--agent", "nobody")

    assert (result.stdout, result.stderr, result.exit_code) == ("", "no matches\n", 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--json", "--csv"], "Error: Give only one of --json, --nl, --csv, --tsv, and --fmt.\n"),
        (["--since", "someday"], "Error: Invalid value for '--since': cannot read the time 'someday'"),
        (["--fmt", "nice"], "Error: Invalid value for --fmt: there is no 'nice'"),
        (["-n", "-1"], "Error: Invalid value for '-n' / '--limit': -1 is not in the range x>=0."),
    ],
)
def test_wrong_usage_exits_with_2(filled: Path, run: Run, options: list[str], message: str) -> None:
    result = run("list", *options)

    assert (result.stdout, result.exit_code) == ("", 2)
    assert message in result.stderr


@pytest.mark.parametrize(
    ("branch", "expected"), [("beds", ["counted", "told"]), ("main", ["header"]), ("bed", [])]
)
def test_sessions_of_a_branch_are_listed_with_or_without_tokens(
    path: Path, run: Run, branch: str, expected: list[str]
) -> None:
    with SessionDB(path) as db:
        db.sessions.start("a", id="counted", started_at="2026-03-02T08:00:00Z")
        db.tokens.add("counted", output=1, git_branch="beds", counted_at="2026-03-02T08:00:00Z")
        db.sessions.start(
            "a", id="told", metadata={"git_branch": ["main2", "beds"]}, started_at="2026-03-01T08:00:00Z"
        )
        db.sessions.start("a", id="header", metadata={"git": {"branch": "main"}})

    result = run("list", "--branch", branch, "--json")

    assert [row["id"] for row in json.loads(result.stdout)] == expected
    assert ("did you mean beds?" in result.stderr) == (branch == "bed")
