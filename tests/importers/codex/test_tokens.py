"""Codex's token counts: what counts once, whatever the log repeats."""

from __future__ import annotations

from typing import Any

import pytest

from sessiondb.importers.codex.lines import Payload
from sessiondb.importers.codex.tokens import Usage


def usage(*figures: int, **more: int) -> dict[str, int]:
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
    return {**dict(zip(names, figures, strict=False)), **more}


def info(total: dict[str, Any] | None, last: dict[str, Any] | None) -> dict[str, Any]:
    return {"total_token_usage": total, "last_token_usage": last, "model_context_window": 258400}


FIRST, SECOND, BOTH = usage(100, 40, 10, 4), usage(70, 60, 5, 0), usage(170, 100, 15, 4)
COUNTED_FIRST, COUNTED_SECOND = (60, 40, None, 10, 4), (10, 60, None, 5, 0)


@pytest.mark.parametrize(
    ("events", "counted"),
    [
        pytest.param(
            [info(FIRST, FIRST), info(BOTH, SECOND)], [COUNTED_FIRST, COUNTED_SECOND], id="two responses"
        ),
        pytest.param([info(FIRST, FIRST)] * 3, [COUNTED_FIRST], id="repeated"),
        pytest.param([None, {}, info(None, None), info(FIRST, FIRST), None], [COUNTED_FIRST], id="no info"),
        pytest.param(
            [info(FIRST, None), info(BOTH, None)], [COUNTED_FIRST, COUNTED_SECOND], id="totals only"
        ),
        pytest.param(
            [info(None, FIRST), info(None, FIRST), info(None, SECOND)],
            [COUNTED_FIRST, COUNTED_SECOND],
            id="no totals",
        ),
        pytest.param(
            [info(BOTH, SECOND), info(FIRST, FIRST), info(BOTH, SECOND)],
            [COUNTED_SECOND, COUNTED_FIRST, COUNTED_SECOND],
            id="totals go down",
        ),
        pytest.param(
            [info(usage(100, 40, 10, 4, cache_write_input_tokens=30), None)],
            [(30, 40, 30, 10, 4)],
            id="cache writes",
        ),
        pytest.param([info(usage(10, 40, 1, 4), None)], [(0, 10, None, 1, 1)], id="parts above their whole"),
        pytest.param([info(usage(0, 0, 0, 0), usage(0, 0, 0, 0))], [], id="nothing"),
        pytest.param([{"prompt": 1420, "completion": 910}, "x", 3, [1]], [], id="other shapes"),
        pytest.param(
            [info({"input_tokens": "x", "output_tokens": None}, None), info({"input_tokens": -5}, None)],
            [],
            id="no numbers",
        ),
    ],
)
def test_a_response_counts_once(events: list[Any], counted: list[tuple[int, ...]]) -> None:
    taken = Usage()
    found = [record for event in events if (record := taken.take(event, "session", "native"))]
    assert [
        (one.input, one.cache_read, one.cache_write, one.output, one.reasoning) for one in found
    ] == counted
    assert len({one.request_key for one in found}) == len(found)
    assert {one.session for one in found} <= {"session"}


def test_a_key_is_the_same_whether_the_log_is_read_from_its_beginning_or_from_there() -> None:
    at_once, later = Usage(), Usage(totals=[100, 40, 0, 10, 4])
    at_once.take(info(FIRST, FIRST), "s", "n")
    whole, rest = at_once.take(info(BOTH, SECOND), "s", "n"), later.take(info(BOTH, SECOND), "s", "n")
    assert whole is not None
    assert whole == rest
    assert whole.request_key == "n:0:170-100-0-15-4"


def test_a_record_with_the_responses_id_counts_and_the_event_after_it_is_its_echo() -> None:
    taken = Usage()
    counts = usage(100, 40, 10, 4, cache_write_input_tokens=30)
    told = Payload(response_id="resp_1", usage=counts, thread_token_usage=counts)
    first = taken.take_record(told, "s", "n")
    assert first is not None
    assert (first.request_key, first.input, first.cache_write, first.output) == ("n:resp_1", 30, 30, 10)
    assert taken.take(info(counts, counts), "s", "n") is None
    # A copy in another session names the one that it was made in.
    again = Payload(response_id="resp_1", usage=counts, thread_id="n")
    copied = Usage().take_record(again, "other", "o")
    assert copied is not None
    assert copied.request_key == "n:resp_1"


def test_a_log_that_an_older_build_went_on_with_is_counted_by_its_events() -> None:
    taken = Usage()
    assert taken.take_record(Payload(response_id="resp_1", usage=FIRST, thread_token_usage=FIRST), "s", "n")
    assert taken.take(info(FIRST, FIRST), "s", "n") is None
    later = taken.take(info(BOTH, SECOND), "s", "n")
    assert later is not None
    assert (later.input, later.output) == (10, 5)
