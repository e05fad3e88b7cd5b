"""Ranking is arithmetic: hits, shares and counts in, sessions in order out."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from sessiondb.query import ranking
from sessiondb.query.ranking import Activity, Group, Hit, Word


def hit(row_id: int, score: float = 1.0, session: str | None = "s", **fields: object) -> Hit:
    values = {"source": "message", "message_id": row_id, "seq": row_id, "role": "user", "created_at": None}
    return Hit(row_id=row_id, session_id=session, score=score, **{**values, **fields})  # type: ignore[arg-type]


def scores(groups: Sequence[Group]) -> dict[str, float]:
    return {group.key: round(group.score, 6) for group in groups}


def test_the_three_best_hits_of_a_session_count_by_falling_weights() -> None:
    groups = ranking.by_relevance(
        [hit(1, 1.0), hit(2, 4.0), hit(3, 2.0), hit(4, 0.5), hit(5, 5.3, "t"), hit(6, 0.1, None)]
    )
    assert scores(groups) == {"t": 5.3, "s": 5.25, "note 6": 0.1}
    assert [[hit.row_id for hit in group.hits] for group in groups] == [[5], [2, 3, 1, 4], [6]]


def test_equal_scores_are_ordered_by_session_and_row() -> None:
    groups = ranking.by_relevance([hit(3, 1.0, "b"), hit(9, 1.0, "a"), hit(2, 1.0, "b")])
    assert [group.key for group in groups] == ["b", "a"]
    assert [hit.row_id for hit in groups[0].hits] == [2, 3]
    assert [group.key for group in ranking.by_relevance([hit(1, 1.0, "b"), hit(2, 1.0, "a")])] == ["a", "b"]


def test_a_message_is_shown_rather_than_a_title() -> None:
    title = hit(1, 9.0, source="session", message_id=None)
    assert ranking.by_relevance([title, hit(2, 1.0)])[0].shown.row_id == 2
    assert ranking.by_relevance([title])[0].shown is not None


def test_time_orders_sessions_and_the_hits_in_them() -> None:
    moments = {1: "2026-01-02", 2: "2026-01-05", 3: None, 4: "2026-01-05", 5: "2026-01-03"}
    hits = [hit(row, session="st"[row % 2], created_at=moment) for row, moment in moments.items()]
    newest, oldest = ranking.by_time(hits), ranking.by_time(hits, oldest_first=True)
    assert [[hit.row_id for hit in group.hits] for group in newest] == [[4, 2], [5, 1, 3]]
    assert [[hit.row_id for hit in group.hits] for group in oldest] == [[3, 1, 5], [2, 4]]


def test_hits_are_listed_one_by_one() -> None:
    groups = [Group("s", 3.0, [hit(1, 2.0), hit(2, 0.5)]), Group("t", 1.0, [hit(3, 1.0, "t")])]
    by_score = ranking.one_by_one(groups, by_score=True)
    assert [(group.key, group.score, group.shown.row_id) for group in by_score] == [
        ("s", 2.0, 1),
        ("t", 1.0, 3),
        ("s", 0.5, 2),
    ]
    in_order = ranking.one_by_one(groups, by_score=False)
    assert [group.shown.row_id for group in in_order] == [1, 2, 3]


def surrounded(*hits: Hit, words: list[Word], messages: int = 10) -> float:
    """Return what its surroundings add to the score of a session of so many messages, ten being usual."""
    group = Group("s", 1.0, list(hits))
    activity = {"s": Activity(messages, "2026-01-01", "2026-01-01")}
    return ranking.with_surroundings([group], words, activity, 10.0)[0].score - 1.0


def test_words_in_neighbouring_messages_say_more_than_words_far_apart() -> None:
    words = [Word(0.01, {1: 1.0}), Word(0.01, {2: 1.0})]
    same = surrounded(hit(1), hit(2, seq=1), words=words)
    near = surrounded(hit(1), hit(2, seq=2), words=words)
    next_but_one = surrounded(hit(1), hit(2, seq=3), words=words)
    far = surrounded(hit(1), hit(2, seq=9), words=words)
    assert same == near == next_but_one > far > 0


def test_rare_words_other_forms_and_long_sessions_weigh_as_they_should() -> None:
    common = surrounded(hit(1), words=[Word(0.5, {1: 1.0})])
    rare = surrounded(hit(1), words=[Word(0.001, {1: 1.0})])
    form = surrounded(hit(1), words=[Word(0.001, {1: 0.5})])
    assert 0 < common < form < rare
    assert surrounded(hit(1), words=[Word(0.001, {1: 1.0})], messages=40) < rare
    assert surrounded(hit(1), words=[Word(1.0, {1: 1.0})]) == pytest.approx(0.0, abs=1e-6)


def test_what_is_no_message_has_no_surroundings() -> None:
    word = [Word(0.01, {1: 1.0})]
    assert surrounded(hit(1, source="tool_call"), words=word) == 0
    assert surrounded(hit(1, seq=None), words=word) == 0
    lone = [Group("note 1", 1.0, [hit(1, session=None, source="note")])]
    assert list(ranking.with_surroundings(lone, word, {}, 10.0)) == lone


def test_only_the_best_sessions_are_looked_at_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "CANDIDATES", 2)
    groups = [Group(key, score, [hit(1, session=key)]) for key, score in (("a", 3.0), ("b", 2.0), ("c", 1.0))]
    activity = {key: Activity(10, "2026-01-01", "2026-01-01") for key in "abc"}
    found = ranking.with_surroundings(groups, [Word(0.01, {1: 1.0})], activity, 10.0)
    assert [group.key for group in found] == ["a", "b", "c"]
    assert found[1].score > 2.0
    assert found[2].score == 1.0
    timed = ranking.with_times(groups, {"a": 1.0, "b": 2.0, "c": 9.0}.__getitem__)
    assert scores(timed) == {"b": 4.0, "a": 3.0, "c": 1.0}


def test_what_is_sure_comes_first_in_its_own_order() -> None:
    groups = [Group(key, 9.0 - row, [hit(row, session=key)]) for row, key in enumerate("abcd")]
    found = ranking.with_first(groups, {("message", 1), ("message", 3), ("note", 0)})
    assert scores(found) == {"b": 17.0, "d": 15.0, "a": 9.0, "c": 7.0}
    assert ranking.with_first(groups, set()) == groups


@pytest.mark.parametrize(
    ("moment", "factor"),
    [("2026-03-31", 1.01), ("2026-03-01", 1.005), ("2025-03-31", 1.0), ("2026-04-09", 1.01)],
)
def test_recency_is_worth_one_percent_and_halves_in_a_month(moment: str, factor: float) -> None:
    assert ranking.recency(moment, "2026-03-31") == pytest.approx(factor, abs=1e-4)


def plainly(hits: list[Hit]) -> list[Group]:
    """Group hits by session in the plainest way."""
    keys = {each.session_id or f"note {each.row_id}" for each in hits}
    groups = []
    for key in keys:
        own = [each for each in hits if (each.session_id or f"note {each.row_id}") == key]
        own.sort(key=lambda each: (-each.score, each.row_id))
        score = sum(weight * each.score for weight, each in zip(ranking.FALLING, own, strict=False))
        groups.append(Group(key, score, own))
    return sorted(groups, key=lambda group: (-group.score, group.key))


@pytest.mark.parametrize("seed", range(30))
def test_groups_made_when_asked_for_are_those_of_all_hits(seed: int) -> None:
    chance = random.Random(seed)
    hits = [
        hit(row_id, chance.choice((0.25, 1.0, 1.5, 3.0)), chance.choice(("a", "b", "c", "d", "e", None)))
        for row_id in chance.sample(range(1000), chance.randrange(60))
    ]
    expected = plainly(hits)
    groups = ranking.by_relevance(hits)
    assert list(groups) == expected
    assert (len(groups), bool(groups), groups[2:5], groups[-3:]) == (
        len(expected), bool(expected), expected[2:5], expected[-3:],
    )  # fmt: skip
    assert [groups[number] for number in range(-len(expected), len(expected))] == expected * 2


def test_groups_behind_the_candidates_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "CANDIDATES", 2)
    groups = ranking.by_relevance([hit(number, 9.0 - number, f"s{number}") for number in range(5)])
    timed = ranking.with_times(groups, lambda key: 3.0 if key == "s1" else 1.0)
    assert [(group.key, group.score) for group in timed] == [
        ("s1", 24.0), ("s0", 9.0), ("s2", 7.0), ("s3", 6.0), ("s4", 5.0),
    ]  # fmt: skip
    assert [group.key for group in timed[1:4]] == ["s0", "s2", "s3"]
    assert [group.key for group in timed[::2]] == ["s1", "s2", "s4"]
    assert (timed[-1].key, timed[3:], len(timed)) == ("s4", groups[3:], 5)
