from __future__ import annotations

import pytest

from sessiondb.importers.base import MessageRecord, TokenRecord, ToolCallRecord, ToolResult
from sessiondb.records.export_rows import CallRow, MessageRow, decode, weight


@pytest.mark.parametrize(
    ("row", "calls", "characters"),
    [
        (MessageRecord("s", "user", "x" * 1000), 0, 1000),
        (MessageRecord("s", "assistant", None, tool_calls=(ToolCallRecord("c", "ls", "y" * 500),)), 1, 500),
        (ToolResult("s", "c", "z" * 2000), 0, 2000),
        (TokenRecord("s", "key"), 0, 0),
        (MessageRow(seq=1, role="user", content="x" * 1000), 0, 1000),
        (MessageRow(seq=1, role="assistant", tool_calls=[CallRow("c", arguments="y" * 30)]), 1, 30),
        (MessageRow(seq=2, role="tool", answers=[CallRow("c", result="z" * 70)]), 1, 70),
    ],
)
def test_a_row_weighs_what_its_long_texts_take(row: object, calls: int, characters: int) -> None:
    assert weight(row) == weight(TokenRecord("", "")) * (1 + calls) + characters


def test_a_row_that_is_nested_too_deeply_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        decode(b'{"type": "session", "metadata": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
