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
33334444    (no title)     hermes           2026-01-01 00:00  2026-01-01 00:00         0
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
    "parent_id": None,
    "relation": None,
    "tags": ["kitchen"],
    "pinned": False,
}


def ids(result: Result) -> list[str]:
    assert result.exit_code == 0, result.stderr
    return [session["id"] for session in json.loads(result.stdout)]


def test_table_shows_the_newest_activity_first(filled: Path, run: Run) -> None:
    result = run("list")

    assert (result.stdout, result.stderr, result.exit_code) == (TABLE, "", 0)


@pytest.fixture
def family(path: Path) -> Path:
    """Make a session with a sub-agent, which has one of its own, beside an ordinary fork and a lost sub-agent."""
    with SessionDB(path) as db:
        db.sessions.start(
            "claude-code", id="main", title="The whole", model="big", started_at="2026-03-01T08:00:00Z"
        )
        for id, parent, relation in (
            ("look", "main", "subagent"),
            ("deep", "look", "subagent"),
            ("twin", "main", "fork"),
        ):
            db.sessions.start(
                "claude-code",
                id=id,
                parent=parent,
                relation=relation,
                model="small",
                started_at="2026-03-02T08:00:00Z",
            )
        db.sessions.start("claude-code", id="lost", relation="subagent", started_at="2026-03-03T08:00:00Z")
        for id in ("main", "look", "deep", "twin", "lost"):
            db.messages.append(id, "user", "Hello", created_at="2026-03-04T08:00:00Z")
    return path


def listed(result: Result) -> list[str]:
    return [line.split()[0] for line in result.stdout.splitlines()[1:]]


def test_sub_agents_are_folded_under_their_sessions_and_counted(family: Path, run: Run) -> None:
    result = run("list")

    assert sorted(listed(result)) == ["lost", "main", "twin"]
    assert "sub-agents" in result.stdout.splitlines()[0]
    assert next(line.split() for line in result.stdout.splitlines() if "main" in line)[3] == "2"
    assert result.stderr == "2 sub-agents counted with their sessions; --all lists them\n"


def test_all_lists_sub_agents_and_so_do_forms_for_programs(family: Path, run: Run) -> None:
    everything = ["deep", "look", "lost", "main", "twin"]

    assert sorted(listed(run("list", "--all"))) == everything
    assert sorted(ids(run("list", "--json"))) == everything
    rows = {
        row["id"]: (row["parent_id"], row["relation"]) for row in json.loads(run("list", "--json").stdout)
    }
    assert rows["look"] == ("main", "subagent")
    assert (run("list", "--all").stderr, run("list", "--json").stderr) == ("", "")


def test_a_sub_agent_whose_parent_is_not_meant_is_listed(family: Path, run: Run) -> None:
    assert sorted(listed(run("list", "--model", "small"))) == ["look", "twin"]


def test_folded_pages_hold_as_many_as_the_limit(family: Path, run: Run) -> None:
    first, second = (run("list", "-n", "2", "--offset", str(offset)) for offset in (0, 2))

    assert sorted(listed(first) + listed(second)) == ["lost", "main", "twin"]
    assert first.stderr.startswith("1 more; ")


def test_columns_give_way_in_the_order_that_help_says(
    family: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SessionDB(family) as db:
        db.sessions.set_title(
            "main", "A title of so many words that no terminal of eighty columns has room for it"
        )
        db.sessions.set_project("main", "/src/a-project-of-some-length")
        db.add_tokens("main", input=1_000_000, output=5)

    def headings(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        return run("list").stdout.splitlines()[0].split()

    every = ["id", "title", "subs", "agent", "project", "started", "active", "msgs", "tokens"]
    assert headings(140) == every
    for columns, gone in (
        (92, {"started"}),
        (84, {"started", "tokens"}),
        (80, {"started", "tokens", "msgs"}),
    ):
        assert headings(columns) == [name for name in every if name not in gone], columns


def test_titles_have_35_columns_on_a_terminal_of_80(
    family: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SessionDB(family) as db:
        db.sessions.set_title("main", "x" * 200)
        db.sessions.set_project("main", "/src/a-project-of-some-length")
    monkeypatch.setenv("COLUMNS", "80")

    (line,) = (line for line in run("list").stdout.splitlines() if line.startswith("main"))

    assert line.count("x") >= 35
    assert len(line) <= 80


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
    values = {**PARSER, "tags": '["kitchen"]'}
    assert with_headings[2] == ["" if value is None else str(value) for value in values.values()]
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

    said = "no session has the agent 'nobody': there are hermes, codex\nno matches\n"
    assert (result.stdout, result.stderr, result.exit_code) == ("", said, 0)


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
