"""What was used and what it cost: by time, model, session and the rest, exact in whatever parts it came."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiondb import SessionDB, timestamps
from sessiondb.dao.usage_source import PriceSteps, Source
from sessiondb.errors import InvalidInput
from sessiondb.records import UsageReport
from sessiondb.records.usage import PERIODS, tree_cost_text
from sessiondb.reports.prices.cost import Spent, Terms, rates
from sessiondb.reports.prices.table import load
from tests.conftest import EXAMPLES

M = 1_000_000
OPUS, SONNET = "claude-opus-4-8", "claude-sonnet-4-6"


def names(report: UsageReport) -> list[str | None]:
    return [row.name for row in report.rows]


def dollars(report: UsageReport) -> list[float | None]:
    return [None if row.picodollars is None else row.picodollars / 1e12 for row in report.rows]


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.delenv("TZ")
    time.tzset()


def test_an_empty_database_used_nothing(db: SessionDB) -> None:
    for by in PERIODS:
        report = db.usage(by)
        assert (report.rows, report.total, report.unpriced) == ([], 0, ())


def test_counting_by_something_unknown_is_refused(db: SessionDB) -> None:
    for choice, reason in (
        ({"by": "yearly"}, "cannot group by 'yearly': give one of daily,"),
        ({"cost": "mine"}, "cannot take the cost from 'mine'"),
        ({"order": "up"}, "cannot order by 'up'"),
        ({"last": 0}, "cannot report the last 0"),
        ({"tz": "Mars"}, "Mars"),
        ({"prices": "/no/such/file"}, "cannot read the prices"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            db.usage(**choice)


@pytest.mark.parametrize(
    ("by", "expected"), [("daily", "2026-03-01"), ("weekly", "2026-02-23"), ("monthly", "2026-03")]
)
def test_days_are_those_of_the_machine(db: SessionDB, berlin: None, by: str, expected: str) -> None:
    session = db.sessions.start("agent", started_at="2026-02-28T00:00:00Z")
    db.tokens.add(session.id, counted_at="2026-02-28T23:30:00Z", input=1)

    assert names(db.usage(by)) == [expected]


@pytest.mark.parametrize(
    ("day", "monday"),
    [("2026-03-02", "2026-03-02"), ("2026-03-08", "2026-03-02"), ("2026-03-09", "2026-03-09")],
)
def test_a_week_goes_by_its_monday(db: SessionDB, day: str, monday: str) -> None:
    session = db.sessions.start("agent")
    db.tokens.add(session.id, counted_at=f"{day}T12:00:00Z", input=1)

    (found,) = db.usage("weekly").rows

    assert found.name == monday


def test_tokens_of_no_known_time_count_at_the_last_activity(db: SessionDB) -> None:
    session = db.sessions.start("agent", started_at="2026-03-01T12:00:00Z")
    db.tokens.add(session.id, input=1)
    with db.connection.transaction():
        db.connection.execute("UPDATE token_counts SET counted_at = NULL")

    before = db.usage("daily", until="2026-03-01T00:00:00.000Z")
    since = db.usage("daily", since="2026-03-01T00:00:00.000Z")

    assert (before.total, [usage.name for usage in since.rows]) == (0, ["2026-03-01"])


def test_a_model_is_matched_by_its_beginning_only(db: SessionDB) -> None:
    session = db.sessions.start("agent")
    for model in ("gpt-5", "gpt-5-mini", "not-gpt-5", "GPT%"):
        db.tokens.add(session.id, model=model, output=1)

    found = db.usage("model", model="gpt-5")

    assert ([usage.name for usage in found.rows], found.total) == (["gpt-5", "gpt-5-mini"], 2)


@pytest.fixture
def used(db: SessionDB) -> SessionDB:
    """Return a database with a sub-agent, two models, a branch, costs of a log and a model that nobody knows."""
    db.sessions.start(
        "a", id="parent", title="Beds", project="/home/mira/beds", started_at="2026-10-01T08:00:00Z"
    )
    db.sessions.start(
        "a", id="child", parent="parent", relation="subagent", started_at="2026-10-01T08:00:00Z"
    )
    db.sessions.start("b", id="other", started_at="2026-10-01T08:00:00Z")

    def add(session: str, day: str, **tokens: Any) -> None:
        db.tokens.add(session, counted_at=f"2026-{day}:00:00Z", **tokens)

    add("parent", "10-01T09", model=OPUS, input=M, git_branch="beds")
    add("parent", "10-01T23", model=SONNET, output=M, git_branch="beds")
    add("child", "10-02T09", model=OPUS, cache_write=M, cache_write_1h=M, git_branch="main")
    add("other", "10-02T10", model="mine", input=M)
    add("other", "10-03T10", model="mine", input=M, cost_microdollars=70_000)
    add("other", "10-03T11", model=OPUS, input=M, cost_microdollars=1_000_000)
    return db


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("daily", [("2026-10-03", 1.07), ("2026-10-02", 10), ("2026-10-01", 20)]),
        ("weekly", [("2026-09-28", 31.07)]),
        ("monthly", [("2026-10", 31.07)]),
        ("session", [("parent", 20), ("child", 10), ("other", 1.07)]),
        ("model", [(OPUS, 16), (SONNET, 15), ("mine", 0.07)]),
        ("project", [("/home/mira/beds", 20), (None, 11.07)]),
        ("agent", [("a", 30), ("b", 1.07)]),
        ("branch", [("beds", 20), ("main", 10), (None, 1.07)]),
    ],
)
def test_costs_are_summed_by_what_is_asked(used: SessionDB, by: str, expected: list[Any]) -> None:
    report = used.usage(by, tz="UTC")
    assert list(zip(names(report), dollars(report), strict=True)) == expected
    assert report.sum is not None
    assert (report.sum.responses, report.sum.picodollars, report.sum.unpriced_responses) == (
        6,
        31_070_000 * M,
        1,
    )


@pytest.mark.parametrize(
    ("cost", "expected", "unpriced"), [("both", 31.07, 1), ("log", 1.07, 4), ("table", 35.0, 2)]
)
def test_the_cost_is_the_logs_or_the_tables(
    used: SessionDB, cost: str, expected: float, unpriced: int
) -> None:
    report = used.usage("monthly", cost=cost)
    assert dollars(report) == [expected]
    assert report.rows[0].unpriced_responses == unpriced


def test_what_has_no_price_is_named_with_its_tokens(used: SessionDB, tmp_path: Path) -> None:
    report = used.usage("session", agent="b")
    assert report.rows[0].unpriced_models == ("mine",)
    assert [(row.name, row.responses, row.tokens.input) for row in report.unpriced] == [("mine", 1, M)]

    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"models": {"mine": {"input": 2, "output": 2}}}))
    report = used.usage("session", agent="b", prices=prices)
    assert (dollars(report), report.unpriced) == ([3.07], ())


def test_a_row_of_which_nothing_has_a_price_costs_nothing_known(used: SessionDB) -> None:
    (row,) = used.usage("model", cost="log", model=SONNET).rows
    assert (row.picodollars, row.tokens.cost_microdollars, row.unpriced_responses) == (None, None, 1)


def test_a_breakdown_shows_each_row_by_model(used: SessionDB) -> None:
    (row,) = used.usage("monthly", breakdown=True).rows
    assert [(model.name, model.picodollars) for model in row.parts] == [
        (OPUS, 16 * M * M), (SONNET, 15 * M * M), ("mine", 70_000 * M),
    ]  # fmt: skip


def test_a_tree_has_sub_agents_below_their_parents(used: SessionDB) -> None:
    report = used.usage("session", tree=True)
    rows = [(row.name, row.depth, row.picodollars, row.tree) for row in report.rows]
    assert rows == [
        ("parent", 0, 20 * M * M, 30 * M * M),
        ("child", 1, 10 * M * M, 10 * M * M),
        ("other", 0, 1_070_000 * M, 1_070_000 * M),
    ]


def test_a_tree_tells_what_of_its_sub_agents_has_no_price(used: SessionDB) -> None:
    used.sessions.start("a", id="grandchild", parent="child", relation="subagent")
    used.tokens.add("grandchild", model="mine", input=5)
    rows = used.usage("session", tree=True).rows
    told = {row.name: (row.unpriced_responses, row.tree_unpriced, tree_cost_text(row)) for row in rows}
    assert told == {
        "parent": (0, 1, "$30.00 + ?"),
        "child": (0, 1, "$10.00 + ?"),
        "grandchild": (1, 1, "?"),
        "other": (1, 1, "$1.07 + ?"),
    }


def test_names_of_one_model_are_one_row(db: SessionDB) -> None:
    db.sessions.start("a", id="s")
    given = [
        "us.anthropic.claude-opus-4-8-20260110-v1:0",
        "anthropic/claude-opus-4-8",
        OPUS,
        "openai/gpt-5.2-2025-12-11",
        "vendor/mine",
    ]
    for name in given:
        db.tokens.add("s", model=name, input=M)
    db.tokens.add("s", input=M)

    by_model = db.usage("model")
    assert sorted((row.name or "", row.responses) for row in by_model.rows) == [
        ("", 1), (OPUS, 3), ("openai/gpt-5.2-2025-12-11", 1), ("vendor/mine", 1),
    ]  # fmt: skip
    assert by_model.total == 4
    (row,) = db.usage("session", breakdown=True).rows
    assert [part.responses for part in row.parts if part.name == OPUS] == [3]
    assert by_model.sum is not None
    assert by_model.sum.picodollars == row.picodollars


@pytest.mark.parametrize(
    ("bound", "found"),
    [
        ({"since": "2026-03-02"}, ["2026-03-02"]),
        ({"until": "2026-03-01"}, ["2026-03-01"]),
        ({"since": date(2026, 3, 2)}, ["2026-03-02"]),
        ({"since": "2026-03-01T20:00:00Z"}, ["2026-03-02"]),
    ],
)
def test_bounds_are_days_of_the_zone_that_days_are_of(
    db: SessionDB, berlin: None, bound: Any, found: list[str]
) -> None:
    db.sessions.start("a", id="s")
    # In Tokyo the second of March begins at 15:00 UTC of the first.
    for at in ("2026-03-01T14:00:00Z", "2026-03-01T20:00:00Z"):
        db.tokens.add("s", input=1, counted_at=at)

    assert names(db.usage("daily", tz="Asia/Tokyo", **bound)) == found


@pytest.mark.parametrize(("by", "first"), [("daily", "2026-10-01"), ("model", "mine")])
def test_the_order_can_be_the_other_one(used: SessionDB, by: str, first: str) -> None:
    assert names(used.usage(by, order="asc", tz="UTC"))[0] == first


def test_only_the_last_days_are_reported(db: SessionDB) -> None:
    db.sessions.start("a", id="s")
    db.tokens.add("s", input=1)
    db.tokens.add("s", input=1, counted_at="2020-01-01T00:00:00Z")
    for by in ("daily", "weekly", "monthly", "model"):
        report = db.usage(by, last=1)
        assert report.sum is not None
        assert report.sum.responses == 1
    assert db.usage("monthly", last=1000).sum == db.usage("monthly").sum


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        ("2026-03-29T00:30:00Z", "Europe/Berlin", "2026-03-29"),
        ("2026-03-28T22:59:59.999Z", "Europe/Berlin", "2026-03-28"),
        ("2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29"),
        ("2026-07-28T21:59:59.999Z", "Europe/Berlin", "2026-07-28"),
        ("2026-07-28T22:00:00Z", "Europe/Berlin", "2026-07-29"),
        ("2026-07-28T18:15:00Z", "+05:45", "2026-07-29"),
        ("2026-07-28T03:00:00Z", "America/Los_Angeles", "2026-07-27"),
    ],
)
def test_days_are_those_of_the_zone_that_is_named(db: SessionDB, moment: str, zone: str, day: str) -> None:
    db.sessions.start("a", id="s", started_at="2026-01-01T00:00:00Z")
    db.tokens.add("s", input=1, counted_at="2026-01-01T12:00:00Z")
    db.tokens.add("s", input=1, counted_at=moment)
    assert names(db.usage("daily", tz=zone)) == [day, "2026-01-01"]


def test_the_zone_may_be_an_object(used: SessionDB) -> None:
    assert names(used.usage("daily", tz=timezone(timedelta(hours=2))))[-2] == "2026-10-02"


def test_a_total_of_a_whole_session_is_no_long_context(db: SessionDB) -> None:
    db.sessions.start("a", id="s")
    for key in ("s:total", "r1"):
        db.tokens.add("s", request_key=key, model="claude-sonnet-4-5", input=M)
    assert dollars(db.usage("model")) == [9.0]


def test_what_the_cache_wrote_without_a_lifetime_is_told(db: SessionDB) -> None:
    db.sessions.start("a", id="s")
    db.tokens.add("s", model=OPUS, cache_write=M)
    db.tokens.add("s", model=OPUS, cache_write=M, cache_write_5m=M)
    db.tokens.add("s", model=OPUS, cache_write=M, cost_microdollars=0)
    db.tokens.add("s", model="gpt-5.6-sol", cache_write=M, counted_at="2026-11-01T00:00:00Z")
    report = db.usage("model")
    assert (report.undated_writes, dollars(report)) == (1, [12.5, 10.0])


RESPONSES = st.lists(
    st.fixed_dictionaries(
        {
            "model": st.sampled_from((OPUS, SONNET, "gpt-5.6-sol", "mine", None)),
            "counted_at": st.sampled_from(
                ("2026-03-12T10:00:00Z", "2026-03-13T10:00:00Z", "2026-09-01T00:00:00Z")
            ),
            "input": st.integers(0, 400_000),
            "cache_read": st.integers(0, 400_000),
            "cache_write": st.integers(0, 400_000),
            "output": st.integers(0, 9_999),
            "service_tier": st.sampled_from((None, "standard", "batch", "priority")),
            "speed": st.sampled_from((None, "fast")),
            "inference_geo": st.sampled_from((None, "us")),
            "cost_microdollars": st.sampled_from((None, 0, 1234)),
        }
    ),
    max_size=12,
)


def _alone(response: dict[str, Any]) -> int | None:
    """Return what a response costs by itself."""
    if response["cost_microdollars"] is not None:
        return int(response["cost_microdollars"]) * M
    used = {name: response[name] for name in ("input", "cache_read", "cache_write", "output")}
    if not any(used.values()):
        return 0
    day, context = response["counted_at"][:10], sum(used.values()) - used["output"]
    terms = (response[name] for name in ("service_tier", "speed", "inference_geo"))
    found = rates(load(), Terms(response["model"], day, context, *terms))
    return None if found is None else found.cost(Spent(**used))


# Each example fills, writes and joins four databases.
@settings(max_examples=max(1, EXAMPLES // 5))
@given(RESPONSES, st.integers(0, 12), st.integers(0, 12))
def test_a_union_costs_what_its_parts_cost(
    tmp_path_factory: pytest.TempPathFactory, responses: list[dict[str, Any]], one: int, other: int
) -> None:
    folder = tmp_path_factory.mktemp("union")
    parts = [responses[:one], responses[min(one, other) :]]
    numbers = [set(range(len(responses))[:one]), set(range(len(responses))[min(one, other) :])]
    for number, (part, which) in enumerate(zip(parts, numbers, strict=True)):
        with SessionDB(folder / f"{number}.db") as db:
            db.sessions.start("a", id="s", started_at="2026-03-01T00:00:00Z")
            for key, response in zip(sorted(which), part, strict=True):
                db.tokens.add("s", request_key=f"r{key}", **response)
            db.export(folder / f"{number}.jsonl")
    costs = [_alone(responses[number]) for number in sorted(numbers[0] | numbers[1])]
    with SessionDB(folder / "0.db") as merged, SessionDB(folder / "read.db") as read:
        merged.merge(folder / "1.db")
        read.import_logs(folder / "0.jsonl", folder / "1.jsonl")
        for db in (merged, read):
            for by in PERIODS:
                report = db.usage(by)
                assert sum(row.picodollars or 0 for row in report.rows) == sum(cost or 0 for cost in costs)
                assert sum(row.unpriced_responses for row in report.rows) == costs.count(None)


def test_sums_beyond_what_sqlite_adds_are_no_error(db: SessionDB) -> None:
    db.sessions.start("a", id="s")
    for key in range(3):
        db.tokens.add("s", request_key=str(key), input=1)
    with db.connection.transaction():
        db.connection.execute("UPDATE token_counts SET input = ?", (2**62,))
    report = db.usage("model")
    assert report.rows[0].tokens.input is not None
    assert report.rows[0].tokens.input > 2**62


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"],
)
def test_each_response_counts_on_its_day_in_any_zone(db: SessionDB, zone: str) -> None:
    quarters = (timedelta(minutes=15 * number + 7) for number in range(96 * 3))
    days = (
        datetime(2026, month, day, tzinfo=timezone.utc) for month, day in ((3, 28), (4, 4), (10, 3), (10, 24))
    )
    moments = [day + quarter for day, quarter in itertools.product(days, [*quarters])]
    db.sessions.start("a", id="s")
    with db.connection.transaction():
        db.connection.executemany(
            "INSERT INTO token_counts (session_id, output, counted_at) VALUES ('s', 1, ?)",
            ((timestamps.from_datetime(moment),) for moment in moments),
        )

    found = db.usage("daily", tz=zone, order="asc")

    expected = Counter(moment.astimezone(timestamps.zone(zone)).date().isoformat() for moment in moments)
    assert {row.name: row.tokens.output for row in found.rows} == expected


@pytest.mark.parametrize(("context", "cost"), [(200_000, 0.6), (200_001, 1.200006), (400_000, 2.4)])
@pytest.mark.parametrize("others", [0, 3])
def test_only_the_responses_with_a_long_context_cost_more(
    db: SessionDB, context: int, cost: float, others: int
) -> None:
    db.sessions.start("a", id="s")
    for count in (context, *[100_000] * others):
        db.tokens.add("s", model="claude-sonnet-4-5", input=count, counted_at="2026-02-01T12:10:00Z")

    (row,) = db.usage("model").rows

    assert row.picodollars == round((cost + 0.3 * others) * 1e12)


@pytest.mark.parametrize("since", [None, "2026-03-01T06:00:00Z", "2026-03-01T22:30:00Z"])
def test_a_report_of_few_and_of_many_responses_is_the_same(db: SessionDB, since: str | None) -> None:
    db.sessions.start("a", id="s")
    for hour in range(24):
        db.tokens.add("s", model=OPUS, input=hour, counted_at=f"2026-03-01T{hour:02}:45:00Z")
    first = 0 if since is None else int(since[11:13]) + (since[14:16] == "45")

    report = db.usage("daily", tz="UTC", since=since)

    assert report.sum is not None
    assert (report.sum.responses, report.sum.tokens.input) == (24 - first, sum(range(first, 24)))


def test_a_bill_of_all_responses_sorts_none_of_them(db: SessionDB) -> None:
    condition = Source("", False, None, False, False)
    sql, _ = condition.sql(PriceSteps(), {})

    plan = [row[3] for row in db.connection.rows(f"EXPLAIN QUERY PLAN {sql}")]

    assert plan == ["SCAN t USING INDEX idx_token_counts_session_hour"]


def test_a_branch_filters_responses_not_their_sessions(used: SessionDB) -> None:
    (row,) = used.usage("branch", branch="beds").rows
    assert (row.name, row.responses) == (
        "beds",
        used.usage("branch").rows[names(used.usage("branch")).index("beds")].responses,
    )


def test_a_trend_is_the_cost_in_each_part_of_the_time(db: SessionDB) -> None:
    db.sessions.start("a", id="s")
    for hour, model in (("00", OPUS), ("11", OPUS), ("12", "nobody"), ("23", OPUS)):
        db.tokens.add("s", model=model, input=M, counted_at=f"2026-03-01T{hour}:00:00Z")

    rows = {row.name: row.trend for row in db.usage("model", trend=4).rows}

    assert rows == {OPUS: (5 * M * M, 5 * M * M, 0, 5 * M * M), "nobody": (0, 0, 0, 0)}
    assert [row.trend for row in db.usage("model").rows] == [(), ()]


@pytest.mark.parametrize("part", ["model", "project", "agent", "branch"])
def test_a_breakdown_adds_up_to_its_row(used: SessionDB, part: str) -> None:
    rows = used.usage("monthly", breakdown=part).rows
    for row in rows:
        assert sum(each.picodollars or 0 for each in row.parts) == row.picodollars
        assert sum(each.responses for each in row.parts) == row.responses
    named = {each.name for row in rows for each in row.parts}
    assert named == {row.name for row in used.usage(part).rows}


def test_a_breakdown_by_something_else_is_refused(used: SessionDB) -> None:
    with pytest.raises(InvalidInput, match="cannot split by 'colour'"):
        used.usage("monthly", breakdown="colour")
