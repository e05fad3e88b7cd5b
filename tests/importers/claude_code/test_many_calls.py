"""One answer with tens of thousands of tool calls."""

from __future__ import annotations

import time

from sessiondb.importers.base import MessageRecord
from sessiondb.importers.claude_code.lines import ToolUse
from sessiondb.importers.claude_code.sessions import Answer


def test_a_message_with_thirty_thousand_calls_is_read_at_once() -> None:
    answer = Answer("m", None, "claude", continues=False)
    begun = time.process_time()

    for number in range(30_000):
        answer.add_call(ToolUse(id=f"call-{number}", name="ls"), None)
        answer.add_call(ToolUse(id=f"call-{number // 2}", name="ls"), None)

    assert time.process_time() - begun < 5  # a look at all that came before, for each, takes a minute
    (message,) = answer.records("s")
    assert isinstance(message, MessageRecord)
    assert len(message.tool_calls) == 30_000
