"""What all records have in common."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from sessiondb.records import SearchResult, Tokens
from sessiondb.records.maintenance import Finding
from sessiondb.records.removal import Removal


def test_records_are_equal_by_their_fields() -> None:
    assert Tokens(input=1, output=2) == Tokens(input=1, output=2) != Tokens(input=1)
    assert len({Tokens(input=1), Tokens(input=1), Tokens(output=1)}) == 2


def test_a_field_that_does_not_count_makes_no_difference_and_is_not_shown() -> None:
    found, explained = (SearchResult("tests", [], 0, explanation=lines) for lines in ((), ("a word",)))

    assert found == explained
    assert repr(explained) == repr(found)
    assert "explanation" not in repr(found)


def test_records_of_two_kinds_are_never_equal() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Other:
        input: int | None = None

    assert Tokens() != Other()
    assert Tokens() != dataclasses.astuple(Tokens())


def test_records_show_their_fields_and_can_be_pickled() -> None:
    tokens = Tokens(input=3)

    assert repr(tokens).startswith("Tokens(input=3, ")
    assert pickle.loads(pickle.dumps(tokens)) == tokens


@pytest.mark.parametrize("kind", [Tokens, Finding, Removal, SearchResult])
def test_records_are_frozen(kind: type) -> None:
    name = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(object.__new__(kind), name, 1)
