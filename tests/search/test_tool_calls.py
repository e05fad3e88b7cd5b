"""A query means the same in tool calls as in messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.search.queries import SearchQueries
from sessiondb.records import SearchResult

Run = Callable[..., str]

LOOKED_AT_TOOLS = "few messages match: tool calls are listed too"


@pytest.fixture
def run(db: SessionDB) -> Run:
    """Return a function that writes a session of one tool call, with what was said before it, and returns its id."""

    def write(result: str, *, arguments: str = "x", said: str = "go on", name: str = "Bash") -> str:
        session = db.sessions.start("codex").id
        with db.turn(session) as turn:
            turn.append("user", said)
            call = {"id": "c1", "name": name, "arguments": {"command": arguments}}
            turn.append("assistant", "all right", tool_calls=[call])
            turn.append("tool", result, tool_call_id="c1")
        return session

    return write


def sessions(result: SearchResult) -> list[str | None]:
    return [hit.session_id for hit in result.hits]


@pytest.mark.parametrize("scope", ["tools", "all", None])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('"permission denied"', ["denied", "shouted", "listed"]),
        ('"denied permission"', ["turned"]),
        ('"PERMISSION denied"', ["denied", "shouted", "listed"]),
        ('"permission: denied!"', ["denied", "shouted", "listed"]),
        ('"permission denied" -shouting', ["denied", "listed"]),
        ("permission denied -listed -shouting", ["denied", "turned"]),
        ('"permission denied" OR quokka', ["denied", "shouted", "listed", "other"]),
        ("permis*", ["denied", "shouted", "listed", "turned", "apart"]),
        ('"permission den"*', ["denied", "shouted", "listed"]),
        ("(quokka OR listed) -zebra", ["listed"]),
        ('"quokka zebra"', ["other"]),
        ("quokka tool:read", ["other"]),
        ("quokka -tool:read in:tools", []),
        ('"permission denied" tool:read', []),
    ],
)
def test_operators_mean_the_same_in_tool_calls(
    db: SessionDB, run: Run, scope: str | None, query: str, found: list[str]
) -> None:
    ids = {
        "denied": run("ls: permission denied"),
        "shouted": run("Permission, DENIED (shouting)"),
        "listed": run("permission-denied, listed"),
        "turned": run("denied permission"),
        "apart": run("a permission, later refused"),
        "other": run("a zoo", arguments="quokka zebra", name="Read"),
    }
    result = db.search(query, scope=scope)
    assert sorted(map(str, sessions(result))) == sorted(ids[name] for name in found)
    assert not result.relaxed


@pytest.mark.parametrize("between", ["\n", "\n\t", "\n    ", " (", ", "])
@pytest.mark.parametrize("query", ['"disk is full"', '"is ful"*'])
def test_a_phrase_is_found_where_a_line_of_arguments_ends_within_it(
    db: SessionDB, run: Run, between: str, query: str
) -> None:
    run("", arguments="the disk is not full")
    wanted = run("", arguments=f"echo the disk is{between}full today")
    assert sessions(db.search(query, scope="tools")) == [wanted]


def test_a_phrase_that_few_sessions_say_is_looked_for_in_tool_calls_as_a_phrase(
    db: SessionDB, run: Run
) -> None:
    said = run("", said="the disk is full")
    printed = run("error: disk is full")
    run("full of disk images")
    result = db.search('"disk is full"')
    assert (sessions(result), result.relaxed) == ([said, printed], False)
    assert result.remarks == (LOOKED_AT_TOOLS,)


def test_a_phrase_that_only_tool_calls_hold_is_not_relaxed(db: SessionDB, run: Run) -> None:
    printed = {run(f"error {number}: disk is full") for number in range(25)}
    run("", said="a full disk is a problem")
    result = db.search('"disk is full"', limit=None)
    assert (set(sessions(result)), result.relaxed) == (printed, False)


def test_exclusions_hold_in_texts_of_two_scripts(db: SessionDB, run: Run) -> None:
    run("two tests of 部署 failed")
    assert db.search("test -test").total == 0
    assert db.search("test failed -tests").total == 0


def test_a_phrase_that_nothing_holds_is_relaxed_in_both(db: SessionDB, run: Run) -> None:
    ids = {run("", said="a full disc, a disk"), run("the disk")}
    result = db.search('"disk is full"')
    assert (set(sessions(result)), result.relaxed) == (ids, True)


@pytest.mark.parametrize(
    "query", ["elephant", "elephant zebra", '"elephant zebra"', "elephant zebra quokka giraffe"]
)
def test_an_index_is_asked_for_a_word_once(
    db: SessionDB, run: Run, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    run("elephant zebra quokka giraffe", said="elephant zebra quokka giraffe")
    db.sessions.start("hermes")
    asked: Counter[tuple[Any, ...]] = Counter()
    scores = SearchQueries.scores

    def counted(
        self: SearchQueries, corpus: Any, expression: str, allowed: Any, *order: Any, **more: Any
    ) -> Any:
        asked[corpus.source, expression, allowed, more["segmented"]] += 1
        return scores(self, corpus, expression, allowed, *order, **more)

    monkeypatch.setattr(SearchQueries, "scores", counted)
    result = db.search(query, agent="hermes")
    assert (result.total, result.remarks) == (0, ("1 found without agent",))
    assert set(asked.values()) == {1}
