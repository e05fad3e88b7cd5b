"""sessiondb usage: tokens and cost, by time, session and model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.records.models import short_model

Run = Callable[..., Result]


@pytest.fixture
def used(filled: Path) -> Path:
    """Add tokens of another session, day and model."""
    with SessionDB(filled) as db:
        for key, moment in (("r2", "2026-03-01T23:30:00Z"), ("r3", "2026-03-02T09:00:00Z")):
            db.tokens.add(
                "11112222-ferry", request_key=key, model="claude", counted_at=moment, input=10, output=500
            )
    return filled


def test_the_models_without_a_price_that_answered_most_are_named(path: Path, run: Run) -> None:
    with SessionDB(path) as db:
        db.sessions.start("a", id="s")
        for model in range(7):
            for number in range(model + 1):
                db.tokens.add("s", model=f"m{model}", input=1, request_key=f"{model}.{number}")

    assert run("usage", "model").stderr == (
        "28 responses without a price: m6 (7 responses, 7 tokens), m5 (6 responses, 6 tokens),"
        " m4 (5 responses, 5 tokens), m3 (4 responses, 4 tokens) and 3 other models; --json names all\n"
    )


def test_days_come_newest_first(used: Path, run: Run) -> None:
    result = run("usage")
    assert result.stdout == (
        "day         responses  input  cache read  cache write  output  reasoning  total       cost\n"
        "2026-03-02          2   1.2k       30.0k                  800        100  32.0k  $1.25 + ?\n"
        "2026-03-01          1     10                              500               510          ?\n"
        "total               3   1.2k       30.0k                 1.3k        100  32.5k  $1.25 + ?\n"
    )
    assert result.stderr == "2 responses without a price: claude (2 responses, 1.0k tokens)\n"


@pytest.mark.parametrize(
    ("by", "name", "expected"),
    [
        ("daily", "day", [("2026-03-02", 2), ("2026-03-01", 1)]),
        ("weekly", "week", [("2026-03-02", 2), ("2026-02-23", 1)]),
        ("monthly", "month", [("2026-03", 3)]),
        ("session", "session_id", [("11112222-parser", 1), ("11112222-ferry", 2)]),
        ("model", "model", [("gpt-5", 1), ("claude", 2)]),
    ],
)
def test_responses_are_grouped(
    used: Path, run: Run, by: str, name: str, expected: list[tuple[str, int]]
) -> None:
    rows = json.loads(run("usage", by, "--json").stdout)

    assert [(row[name], row["responses"]) for row in rows] == expected


def test_json_has_all_buckets(used: Path, run: Run) -> None:
    assert json.loads(run("usage", "model", "--agent", "codex", "--json").stdout) == [
        {
            "model": "gpt-5",
            "responses": 1,
            "input_tokens": 1200,
            "cache_read_tokens": 30000,
            "cache_write_tokens": None,
            "output_tokens": 300,
            "reasoning_tokens": 100,
            "total_tokens": 31500,
            "cache_write_5m_tokens": None,
            "cache_write_1h_tokens": None,
            "web_searches": None,
            "cost_microdollars": 1250000,
            "unpriced_responses": 0,
            "unpriced_models": [],
        }
    ]


@pytest.mark.parametrize(
    ("options", "responses"),
    [
        (["--model", "gpt"], 1),
        (["--agent", "hermes", "--model", "claude"], 2),
        (["--since", "2026-03-02"], 2),
        (["--until", "2026-03-01"], 1),
        (["--project", "quill", "--since", "2026-03-02"], 1),
        (["--tag", "kitchen", "--until", "2026-03-01"], 0),
    ],
)
def test_filters_are_about_the_responses(used: Path, run: Run, options: list[str], responses: int) -> None:
    rows = json.loads(run("usage", "monthly", "--json", *options).stdout)

    assert sum(row["responses"] for row in rows) == responses


def test_json_tells_what_has_no_price(used: Path, run: Run) -> None:
    (row,) = json.loads(run("usage", "agent", "--agent", "hermes", "--json").stdout)

    assert (row["agent"], row["cost_microdollars"]) == ("hermes", None)
    assert (row["unpriced_responses"], row["unpriced_models"]) == (2, ["claude"])


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (
            80,
            [
                "month    resp  input  cache read  cache write  output  total       cost",
                "2026-03     3   1.2k       30.0k                 1.3k  32.5k  $1.25 + ?",
            ],
        ),
        (50, ["month    input  output  total       cost", "2026-03   1.2k    1.3k  32.5k  $1.25 + ?"]),
        (30, ["month    total       cost", "2026-03  32.5k  $1.25 + ?"]),
    ],
)
def test_a_narrow_table_leaves_out_what_matters_least(
    used: Path, run: Run, monkeypatch: pytest.MonkeyPatch, width: int, lines: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert run("usage", "monthly").stdout.splitlines() == lines


def test_sessions_are_shown_by_title_and_project(used: Path, run: Run) -> None:
    heading, *rows = run("usage", "session").stdout.splitlines()

    assert heading.split()[:3] == ["session", "title", "project"]
    assert len(rows) == 3
    assert rows[-1].startswith("total ")


def test_a_breakdown_shows_the_models_of_each_row(used: Path, run: Run) -> None:
    table = run("usage", "monthly", "--breakdown").stdout.splitlines()
    assert [line.split("  ")[0] or line.split()[0] for line in table] == [
        "month",
        "2026-03",
        "gpt-5",
        "claude",
    ]
    assert [line.startswith("  ") for line in table] == [False, False, True, True]
    (row,) = json.loads(run("usage", "monthly", "--breakdown", "--json").stdout)
    assert [(model["model"], model["responses"]) for model in row["models"]] == [("gpt-5", 1), ("claude", 2)]


def test_a_file_of_prices_prices_what_nobody_knows(used: Path, run: Run, tmp_path: Path) -> None:
    prices = tmp_path / "mine.json"
    prices.write_text('{"models": {"claude": {"input": 100, "output": 1000}}}')

    result = run("usage", "model", "--model", "claude", "--prices", str(prices))

    assert (result.stdout.split()[-1], result.stderr) == ("$1.00", "")


def test_a_report_is_compared_with_a_plan(used: Path, run: Run) -> None:
    assert "$1.25 is 6 % of a month of the $20 plan" in run("usage", "--plan", "20").stderr


def test_blocks_tell_when_they_end(used: Path, run: Run) -> None:
    rows = json.loads(run("usage", "blocks", "--order", "asc", "--json").stdout)

    row = next((row["block_start"], row["block_end"], row["is_open"]) for row in rows)
    assert row == (
        "2026-03-01T23:00:00.000Z",
        "2026-03-02T04:00:00.000Z",
        False,
    )


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("claude-opus-4-6-20260205", "opus-4-6"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "sonnet-4-5"),
        ("anthropic/claude-opus-4.6", "opus-4.6"),
        ("claude-haiku-4-5@20251001", "haiku-4-5"),
        ("claude-3-opus-20240229", "claude-3-opus"),
        ("gpt-5.2-2025-12-11", "gpt-5.2"),
        ("GLM-5", "GLM-5"),
        ("acme/", "acme/"),
    ],
)
def test_models_are_shown_as_people_write_them(name: str, short: str) -> None:
    assert short_model(name) == short


def test_several_reports_come_at_once(filled: Path, run: Run) -> None:
    shown = run("usage", "--sections", "monthly, model").stdout
    assert [line for line in shown.splitlines() if line in ("monthly", "model", "")] == [
        "monthly",
        "",
        "model",
    ]
    found = json.loads(run("usage", "--sections", "monthly,model", "--json").stdout)
    assert found == {name: json.loads(run("usage", name, "--json").stdout) for name in ("monthly", "model")}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("daily,year",), "there is no 'year'"),
        (("daily", "--csv"), "--sections prints tables, or JSON with --json"),
    ],
)
def test_sections_that_make_no_sense_are_refused(
    filled: Path, run: Run, options: tuple[str, ...], reason: str
) -> None:
    result = run("usage", "--sections", *options)
    assert (result.exit_code, reason in result.stderr) == (2, True)


def test_each_month_tells_its_share_of_a_plan(path: Path, run: Run) -> None:
    with SessionDB(path) as db:
        db.sessions.start("a", id="s")
        for month, count in (("02", 10), ("03", 30)):
            db.tokens.add(
                "s", model="claude-opus-4-8", input=count * 10**6, counted_at=f"2026-{month}-02T12:00:00Z"
            )

    result = run("usage", "monthly", "--plan", "200")

    assert [line.split()[-2:] for line in result.stdout.splitlines()[1:3]] == [["75", "%"], ["25", "%"]]
    assert result.stderr == ""
    assert run("usage", "model", "--plan", "200").stderr == "$200.00 is 100 % of a month of the $200 plan\n"


def test_bounds_are_told_in_the_zone_of_days(path: Path, run: Run) -> None:
    with SessionDB(path) as db:
        db.sessions.start("a", id="s")
        for hour in ("14", "20"):
            db.tokens.add("s", input=1, counted_at=f"2026-03-01T{hour}:00:00Z")

    for bound, days in (("--since", ["2026-03-02"]), ("--until", ["2026-03-01", "2026-03-02"])):
        result = run("usage", "--tz", "Asia/Tokyo", bound, "2026-03-02", "--json", "--order", "asc")
        assert [row["day"] for row in json.loads(result.stdout)] == days
    assert run("usage", "--since", "never").exit_code == 2
    assert "--since" in run("usage", "--since", "never").stderr


def test_a_tree_with_sub_agents_without_a_price_says_so(path: Path, run: Run) -> None:
    with SessionDB(path) as db:
        db.sessions.start("a", id="parent")
        db.sessions.start("a", id="child", parent="parent", relation="subagent")
        db.tokens.add("parent", model="claude-opus-4-8", input=10**6)
        db.tokens.add("child", model="mine", input=10**6)

    assert run("usage", "session", "--tree").stdout.splitlines()[1].endswith("$5.00 + ?")
    (parent, child) = json.loads(run("usage", "session", "--tree", "--json").stdout)
    assert (parent["tree_unpriced_responses"], child["tree_unpriced_responses"]) == (1, 1)


def test_sub_agents_are_indented_below_their_parents(path: Path, run: Run) -> None:
    with SessionDB(path) as db:
        db.sessions.start("a", id="11111111-parent")
        db.sessions.start("a", id="22222222-child", parent="11111111-parent", relation="subagent")
        for id in ("11111111-parent", "22222222-child"):
            db.tokens.add(id, model="claude-opus-4-8", input=10**6)

    lines = run("usage", "session", "--tree").stdout.splitlines()

    assert [line[:12] for line in lines[1:3]] == ["11111111    ", "  22222222  "]
