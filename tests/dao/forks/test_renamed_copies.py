"""OpenCode gives all messages of a fork fresh ids: still copies, counted once, in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.union import incoming
from sessiondb.ingest.run import Ingest
from tests.helpers.fork_logs import content, lineage, same_in_any_order, texts
from tests.helpers.opencode_forks import Session, database, export, fork, say, session, tree

Write = Callable[[Path, Session], Path]


def own_database(folder: Path, talk: Session) -> Path:
    return database(folder / talk["info"]["id"] / "opencode.db", [talk])


@pytest.fixture(params=[export, tree, own_database], ids=["export", "tree", "database"])
def store(request: pytest.FixtureRequest) -> Write:
    """Return what writes a session into a store, whose file it returns."""
    return request.param  # type: ignore[no-any-return]


def id_of(talk: Session) -> str:
    return str(talk["info"]["id"])


def outputs(found: dict[str, list[Any]]) -> list[tuple[str, int]]:
    """Return the session and the output tokens of each response that is counted."""
    return sorted((row[0], row[6]) for row in found["token_counts"])


def test_a_fork_holds_only_what_is_new_and_its_responses_are_counted_once(
    tmp_path: Path, store: Write
) -> None:
    first = say(session(1, begun=0), 2, 3, 4, 5)
    second = say(fork(first, 2, begun=50), 52, 53)

    found = same_in_any_order([store(tmp_path, talk) for talk in (first, second)], tmp_path)

    one, two = id_of(first), id_of(second)
    assert lineage(found) == {one: (None, None, "Talk 1", 4), two: (one, "fork", "Talk 2", 2)}
    assert texts(found, two) == [(1, "Say 52"), (2, "Say 53"), (3, None)]
    assert outputs(found) == [(two, 53), (one, 3), (one, 5)]


def test_a_fork_that_went_on_before_its_original_is_still_the_fork(tmp_path: Path, store: Write) -> None:
    first = say(session(1, begun=0), 2, 3)
    second = say(fork(first, 2, begun=10), 12, 13)
    say(first, 54, 55)

    found = same_in_any_order([store(tmp_path, talk) for talk in (second, first)], tmp_path)

    one, two = id_of(first), id_of(second)
    assert lineage(found) == {one: (None, None, "Talk 1", 4), two: (one, "fork", "Talk 2", 2)}


def test_a_fork_of_a_fork_comes_from_whoever_had_its_last_copy_first(tmp_path: Path) -> None:
    first = say(session(1, begun=0), 2, 3, 4, 5)
    second = say(fork(first, 2, begun=20, copies=2), 22, 23)
    third = say(fork(second, 3, begun=40), 42, 43)

    found = same_in_any_order([export(tmp_path, talk) for talk in (first, second, third)], tmp_path)

    one, two, three = map(id_of, (first, second, third))
    assert lineage(found) == {
        one: (None, None, "Talk 1", 4),
        two: (one, "fork", "Talk 2", 2),
        three: (two, "fork", "Talk 3", 2),
    }
    assert outputs(found) == sorted([(one, 3), (one, 5), (two, 23), (three, 43)])


def test_two_forks_without_their_original_share_what_both_have_copied(tmp_path: Path) -> None:
    first = say(session(1, begun=0), 2, 3)
    second, third = (say(fork(first, n, begun=n * 10), n * 10 + 2, n * 10 + 3) for n in (2, 3))

    found = same_in_any_order([export(tmp_path, talk) for talk in (second, third)], tmp_path)

    two, three = map(id_of, (second, third))
    assert lineage(found) == {two: (None, None, "Talk 2", 4), three: (two, "fork", "Talk 3", 2)}
    assert outputs(found) == sorted([(two, 3), (two, 23), (three, 33)])


def test_an_answer_that_was_cut_off_is_no_reason_to_count_twice(tmp_path: Path, store: Write) -> None:
    """It says no time at which it was completed; the one before it tells the fork."""
    first = say(say(session(1, begun=0), 2, 3, 4), 5, completed=False)
    second = say(fork(first, 2, begun=20), 22, 23)

    found = same_in_any_order([store(tmp_path, talk) for talk in (first, second)], tmp_path)

    assert outputs(found) == sorted([(id_of(first), 3), (id_of(first), 5), (id_of(second), 23)])


def test_two_sessions_that_begin_alike_stay_two(tmp_path: Path, store: Write) -> None:
    """The same words and even the same counts, at other times or in another model's: each has been paid for."""
    first, second, third = (say(session(n, begun=0), 2, 3) for n in (1, 2, 3))
    for message in second["messages"]:
        message["info"]["time"] = {name: at + 1 for name, at in message["info"]["time"].items()}
    third["messages"][1]["info"]["modelID"] = "m-2"
    for number, talk in enumerate((first, second, third)):
        for message in talk["messages"]:
            message["info"]["id"] = f"{message['info']['id'][:-1]}{number}"
            for part in message["parts"]:
                part["messageID"] = message["info"]["id"]

    found = same_in_any_order([store(tmp_path, talk) for talk in (first, second, third)], tmp_path)

    assert {row[:2] for row in lineage(found).values()} == {(None, None)}
    assert outputs(found) == sorted((id_of(talk), 3) for talk in (first, second, third))


def test_a_session_in_the_database_and_its_fork_in_the_tree_before_it_are_told_alike(tmp_path: Path) -> None:
    first = say(session(1, begun=0), 2, 3)
    second = say(fork(first, 2, begun=20), 22, 23)
    files = [database(tmp_path / "opencode" / "opencode.db", [second, first]), tree(tmp_path, second)]

    found = same_in_any_order(files, tmp_path)

    assert lineage(found)[id_of(second)] == (id_of(first), "fork", "Talk 2", 2)
    assert outputs(found) == sorted([(id_of(first), 3), (id_of(second), 23)])


def test_a_fork_that_names_its_parent_as_a_sub_agent_would_is_a_fork(tmp_path: Path) -> None:
    first = say(session(1, begun=0), 2, 3)
    second = say(fork(first, 2, begun=20, more={"parentID": id_of(first)}), 22, 23)
    child = say(session(3, begun=2, more={"parentID": id_of(first)}), 14, 15)

    found = same_in_any_order([export(tmp_path, talk) for talk in (first, second, child)], tmp_path)

    one, two, three = map(id_of, (first, second, child))
    assert lineage(found) == {
        one: (None, None, "Talk 1", 2),
        two: (one, "fork", "Talk 2", 2),
        three: (one, "subagent", "Talk 3", 2),
    }


@pytest.mark.parametrize("was_told", [False, True], ids=["unknown", "told in the database"])
def test_a_fork_that_was_counted_twice_is_put_right_by_the_next_import(
    tmp_path: Path, store: Write, was_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions kept all copies with the fork, and counted them once in a database, twice in other stores."""
    first = say(session(1, begun=0), 2, 3, 4, 5)
    second = say(fork(first, 2, begun=50), 52, 53)
    one, two = id_of(first), id_of(second)
    files = [str(store(tmp_path, talk)) for talk in (first, second)]
    with SessionDB(tmp_path / "old.db") as db:
        with monkeypatch.context() as before:
            before.setattr(incoming, "RENAMING", frozenset())
            Ingest(db.connection).run(files)
        db.connection.execute("UPDATE imports SET parser_version = 3")
        if was_told:
            db.connection.execute(
                "UPDATE sessions SET parent_id = ?, relation = 'fork' WHERE id = ?", (one, two)
            )
            db.connection.execute("DELETE FROM token_counts WHERE session_id = ? AND output < 50", (two,))
        Ingest(db.connection).run(files)
        found = content(db)
    with SessionDB(tmp_path / "new.db") as db:
        Ingest(db.connection).run(files)
        assert found == content(db)
    assert outputs(found) == sorted([(one, 3), (one, 5), (two, 53)])
    assert lineage(found)[two] == (one, "fork", "Talk 2", 2)


def test_a_merge_of_a_session_and_its_fork_from_two_databases_is_the_same_either_way(tmp_path: Path) -> None:
    first = say(session(1, begun=0), 2, 3)
    second = say(fork(first, 2, begun=20), 22, 23)
    found = []
    for number, order in enumerate([(first, second), (second, first)]):
        paths = [tmp_path / f"{number}{place}.db" for place in range(2)]
        for path, talk in zip(paths, order, strict=True):
            with SessionDB(path) as db:
                Ingest(db.connection).run([str(export(tmp_path, talk))])
        with SessionDB(paths[0]) as db:
            db.merge(paths[1])
            found.append(content(db))
            db.merge(paths[1])
            assert content(db) == found[-1]
    assert found[0] == found[1]
    assert outputs(found[0]) == sorted([(id_of(first), 3), (id_of(second), 23)])
    assert lineage(found[0])[id_of(second)] == (id_of(first), "fork", "Talk 2", 2)
