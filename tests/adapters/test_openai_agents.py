"""The session for the OpenAI Agents SDK, against the real package."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.adapters.openai_agents import AgentsSession
from sessiondb.errors import Conflict, InvalidInput

ITEMS: list[Any] = [
    {"role": "user", "content": "Where are the tests? \u2028 \ud83d \0 الاختبارات"},
    {
        "content": [
            {"type": "input_text", "text": "And this?"},
            {"type": "input_image", "image_url": "data:,x"},
        ],
        "role": "user",
    },
    {
        "id": "rs_1",
        "summary": [{"text": "A folder.", "type": "summary_text"}],
        "type": "reasoning",
        "encrypted_content": "x",
    },
    {
        "arguments": '{"path": "\\u6d4b"}',
        "call_id": "c1",
        "name": "ls",
        "type": "function_call",
        "id": "__fake_id__",
    },
    {"arguments": "{}", "call_id": "c2", "name": "pwd", "type": "function_call", "id": "__fake_id__"},
    {"call_id": "c2", "output": "/home", "type": "function_call_output"},
    {"call_id": "c1", "output": [{"type": "input_text", "text": "tests/"}], "type": "function_call_output"},
    {"type": "custom_tool_call", "call_id": "c3", "name": "grep", "input": "def test_"},
    {"type": "custom_tool_call_output", "call_id": "c3", "output": "none"},
    {
        "id": "ws_1",
        "action": {"query": "x", "type": "search"},
        "status": "completed",
        "type": "web_search_call",
    },
    {
        "id": "msg_1",
        "content": [{"annotations": [], "text": "In tests/.", "type": "output_text", "logprobs": []}],
        "role": "assistant",
        "status": "completed",
        "type": "message",
    },
    {"role": "developer", "content": "Answer in French.", "type": "message"},
]


def exact(items: list[Any]) -> list[str]:
    return [json.dumps(item) for item in items]


def test_items_come_back_byte_for_byte(db: SessionDB) -> None:
    async def talk() -> list[Any]:
        session = AgentsSession("user-42", db)
        assert await session.get_items() == []
        await session.add_items(ITEMS[:3])
        await session.add_items([])
        await session.add_items(ITEMS[3:])
        return await AgentsSession("user-42", db).get_items()

    assert exact(asyncio.run(talk())) == exact(ITEMS)


@pytest.mark.parametrize("limit", [0, 1, 5, len(ITEMS), 100])
def test_the_latest_items_come_in_order(db: SessionDB, limit: int) -> None:
    async def talk() -> list[Any]:
        session = AgentsSession("user-42", db)
        await session.add_items(ITEMS)
        return await session.get_items(limit)

    assert asyncio.run(talk()) == ITEMS[max(0, len(ITEMS) - limit) :]


def test_items_are_popped_from_the_end(db: SessionDB) -> None:
    async def talk() -> None:
        session = AgentsSession("user-42", db)
        assert await session.pop_item() is None
        await session.add_items(ITEMS)
        for left in range(len(ITEMS), 0, -1):
            assert await session.pop_item() == ITEMS[left - 1]
            assert await session.get_items() == ITEMS[: left - 1]
        assert await session.pop_item() is None
        await session.add_items(ITEMS[:1])
        await session.clear_session()
        assert await session.get_items() == []

    asyncio.run(talk())


def test_conversations_are_kept_apart(db: SessionDB) -> None:
    async def talk() -> None:
        ann, bob = (
            AgentsSession("ann", db),
            AgentsSession("bob", db, agent="other", project="/home/bob", title="Bob's"),
        )
        await ann.clear_session()
        await ann.add_items(ITEMS[:1])
        await bob.add_items(ITEMS[1:2])
        assert await ann.get_items() == ITEMS[:1]
        assert ann.session is not None
        assert bob.session is not None
        assert (ann.session.key, ann.session.agent) == ("openai-agents:ann", "openai-agents")
        assert (bob.session.key, bob.session.project, bob.session.title) == (
            "other:bob",
            "/home/bob",
            "Bob's",
        )

    asyncio.run(talk())


def test_items_are_messages_that_people_search_and_models_read(db: SessionDB) -> None:
    asyncio.run(AgentsSession("user-42", db).add_items(ITEMS))
    session = AgentsSession("user-42", db).session
    assert session is not None
    assert [hit.seq for hit in db.search("الاختبارات").hits] == [1]
    calls = [
        message.tool_calls[0] for message in db.messages.transcript(session.id) if message.role == "tool"
    ]
    assert [(call.name, call.result) for call in calls] == [
        ("pwd", "/home"),
        ("ls", "tests/"),
        ("grep", "none"),
    ]
    said = [(message["role"], message["content"]) for message in db.history(session.id)]
    assert said == [
        ("user", "Where are the tests? \u2028 \ud83d \0 الاختبارات"),
        ("user", "And this?"),
        ("assistant", None),
        ("tool", "tests/"),
        ("assistant", None),
        ("tool", "/home"),
        ("assistant", None),
        ("tool", "none"),
        ("assistant", "In tests/."),
        ("developer", "Answer in French."),
    ]


def test_messages_from_elsewhere_come_as_items(db: SessionDB) -> None:
    stored = db.sessions.get_or_start("openai-agents:user-42", "me")
    db.messages.append(stored.id, "user", "Look.")
    db.messages.append(
        stored.id, "assistant", "Yes.", tool_calls=[{"id": "c1", "name": "ls", "arguments": {"a": 1}}]
    )

    async def talk() -> None:
        session = AgentsSession("user-42", db)
        with pytest.raises(Conflict, match=f"message 2 of {stored.id} stands for 2 items: none was removed"):
            await session.pop_item()
        db.messages.append(stored.id, "tool", "tests/", tool_call_id="c1")
        items = [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": "Yes."},
            {"type": "function_call", "call_id": "c1", "name": "ls", "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "c1", "output": "tests/"},
        ]
        assert await session.get_items() == items
        assert await session.get_items(2) == items[2:]

    asyncio.run(talk())


def test_items_are_added_all_or_none(db: SessionDB) -> None:
    async def talk() -> list[Any]:
        session = AgentsSession("user-42", db)
        with pytest.raises(InvalidInput):
            await session.add_items([ITEMS[0], {"role": "robot", "content": "x"}])
        return await session.get_items()

    assert asyncio.run(talk()) == []


def test_the_event_loop_goes_on_while_a_write_waits(db: SessionDB, tmp_path: Path) -> None:
    async def talk() -> int:
        ticks = 0
        with SessionDB(tmp_path / "sessions.db") as other:
            transaction = other.connection.transaction()
            transaction.__enter__()
            adding = asyncio.ensure_future(AgentsSession("user-42", db).add_items(ITEMS[:1]))
            for _ in range(10):
                await asyncio.sleep(0.01)
                ticks += 1
            assert not adding.done()
            transaction.__exit__(None, None, None)
            await adding
        return ticks

    assert asyncio.run(talk()) == 10


def test_it_works_inside_the_real_runner(db: SessionDB) -> None:
    agents = pytest.importorskip("agents")
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    asked: list[Any] = []

    class FakeModel(agents.Model):  # type: ignore[misc, name-defined]
        """Asks for a tool where the last item is a user's, answers where it is a tool's."""

        async def get_response(self, system_instructions: Any, input: Any, *args: Any, **options: Any) -> Any:
            asked.append(json.loads(json.dumps(input)))
            if input[-1].get("type") == "function_call_output":
                text = ResponseOutputText(
                    type="output_text", text=f"It says {input[-1]['output']}", annotations=[]
                )
                output: Any = ResponseOutputMessage(
                    id=f"m{len(asked)}", type="message", role="assistant", status="completed", content=[text]
                )
            else:
                output = ResponseFunctionToolCall(
                    type="function_call", name="look", call_id=f"c{len(asked)}", arguments='{"path": "tests"}'
                )
            return agents.ModelResponse(output=[output], usage=agents.Usage(), response_id=None)

        async def stream_response(self, *args: Any, **options: Any) -> Any:
            raise NotImplementedError
            yield

    @agents.function_tool  # type: ignore[untyped-decorator]
    def look(path: str) -> str:
        """Look into a folder."""
        return f"{path}/ is empty"

    agents.set_tracing_disabled(True)
    agent = agents.Agent(name="helper", model=FakeModel(), tools=[look])
    session = AgentsSession("user-42", db)
    assert isinstance(session, agents.Session)

    async def talk() -> list[str]:
        first = await agents.Runner.run(agent, "What is in tests?", session=session)
        second = await agents.Runner.run(agent, "Look again.", session=AgentsSession("user-42", db))
        return [first.final_output, second.final_output]

    assert asyncio.run(talk()) == ["It says tests/ is empty"] * 2
    items = asyncio.run(session.get_items())
    kinds = [item.get("type", item.get("role")) for item in items]
    assert kinds == ["user", "function_call", "function_call_output", "message"] * 2
    # What the model was asked last is the whole conversation as it was stored.
    assert asked[-1] == items[: len(asked[-1])]
    stored = session.session
    assert stored is not None
    assert (stored.message_count, stored.tool_call_count) == (6, 2)


def test_a_limit_in_the_settings_holds(db: SessionDB) -> None:
    agents = pytest.importorskip("agents")

    async def talk() -> list[Any]:
        session = AgentsSession("user-42", db)
        session.session_settings = agents.SessionSettings(limit=2)
        await session.add_items(ITEMS)
        return await session.get_items()

    assert asyncio.run(talk()) == ITEMS[-2:]


def test_nothing_is_imported_before_it_is_needed() -> None:
    code = "import sys, sessiondb.adapters.openai_agents; print({'agents', 'openai'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
