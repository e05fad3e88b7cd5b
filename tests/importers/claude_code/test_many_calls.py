"""One answer with tens of thousands of tool calls."""

from __future__ import annotations

import pytest

from sessiondb.importers.base import MessageRecord
from sessiondb.importers.claude_code.lines import ToolUse
from sessiondb.importers.claude_code.sessions import Answer
from tests.helpers.work import Compared


def test_a_call_is_not_compared_with_all_that_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Compared, "comparisons", 0)
    answer = Answer("m", None, "claude", continues=False)

    for number in range(3000):
        answer.add_call(ToolUse(id=Compared(f"call-{number}"), name="ls"), None)
        answer.add_call(ToolUse(id=Compared(f"call-{number // 2}"), name="ls"), None)

    # Once where it is the same; a few more have the same hash, as far as that counts.
    assert Compared.comparisons < 10 * 3000
    (message,) = answer.records("s")
    assert isinstance(message, MessageRecord)
    assert len(message.tool_calls) == 3000
