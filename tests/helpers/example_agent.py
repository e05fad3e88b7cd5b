"""A small agent that can be killed at any line and goes on where it was: example_agent.py DATABASE QUESTION.

Each step is written before the next one begins: the question, the model's answer with the calls it asks for
and its tokens, each tool's answer. So to go on is to look at what was written last. What the model said and
nobody wrote down is asked for again, and a tool that was running is run again.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sessiondb import SessionDB


def fake_model(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Answer as a model's API does: look into two folders, then say what was there."""
    asked = max(place for place, message in enumerate(messages) if message["role"] == "user")
    found = [message["content"] for message in messages[asked:] if message["role"] == "tool"]
    if found:
        said: dict[str, Any] = {"role": "assistant", "content": f"There is {' and '.join(found)}."}
    else:
        calls = [
            {"id": f"{asked}-{name}", "name": "look", "arguments": {"in": name}} for name in ("src", "tests")
        ]
        said = {"role": "assistant", "content": None, "tool_calls": calls}
    return {
        "id": f"request-{len(messages)}",
        "message": said,
        "usage": {"input": 10 * len(messages), "output": 5},
    }


def look(arguments: str | None) -> str:
    """Be a tool."""
    return f"a file in {json.loads(arguments or '{}')['in']}"


def answer(db: SessionDB, key: str, question: str, question_id: str) -> str:
    """Answer a question in the conversation `key`: begin with it, go on, or say again what the answer was."""
    session = db.sessions.get_or_start(key, "example")
    asked = db.messages.last_user_turn(session.id)
    if asked is None or asked.external_id != question_id:
        db.messages.append(session.id, "user", question, external_id=question_id)
    last = next(db.messages.newest_first(session.id, batch=1))
    while last.role != "assistant" or last.tool_calls:
        for call in db.messages.unanswered(session.id):
            db.messages.append(session.id, "tool", look(call.arguments), tool_call_id=call.call_id)
        reply = fake_model(db.history(session.id, max_tokens=4000))
        with db.turn(session.id) as turn:
            last = turn.append(**reply["message"])
            turn.add_tokens(request_key=reply["id"], model="fake", **reply["usage"])
    return last.text


if __name__ == "__main__":
    with SessionDB(sys.argv[1]) as database:
        sys.stdout.write(answer(database, "example", sys.argv[2], question_id=sys.argv[2]) + "\n")
