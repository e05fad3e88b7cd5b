"""The chat message history for LangChain, against the real package."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables.history import RunnableWithMessageHistory

from sessiondb import SessionDB
from sessiondb.adapters.langchain import ChatMessageHistory

MESSAGES: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage("Where are the tests? الاختبارات", id="h1", name="ann"),
    HumanMessage(
        [{"type": "text", "text": "And this?"}, {"type": "image_url", "image_url": {"url": "data:,x"}}]
    ),
    AIMessage(
        "",
        id="r1",
        tool_calls=[{"id": "c1", "name": "ls", "args": {"path": "测试"}}],
        usage_metadata={
            "input_tokens": 100,
            "output_tokens": 30,
            "total_tokens": 130,
            "input_token_details": {"cache_read": 60, "cache_creation": 10},
            "output_token_details": {"reasoning": 12},
        },
        response_metadata={"model_name": "some-model", "finish_reason": "tool_calls"},
    ),
    ToolMessage("no such folder", tool_call_id="c1", name="ls", status="error", artifact={"code": 2}),
    AIMessage([{"type": "text", "text": "Nowhere."}], additional_kwargs={"refusal": None}),
    FunctionMessage(content="42", name="ask"),
]


def test_messages_come_back_as_they_were(db: SessionDB) -> None:
    history = ChatMessageHistory("ann", db)
    assert isinstance(history, BaseChatMessageHistory)
    assert history.messages == []
    history.add_messages(MESSAGES[:2])
    history.add_messages([])
    history.add_messages(MESSAGES[2:])
    assert ChatMessageHistory("ann", db).messages == MESSAGES


def test_messages_come_back_in_asyncio(db: SessionDB) -> None:
    async def talk() -> list[BaseMessage]:
        history = ChatMessageHistory("ann", db)
        await history.aadd_messages(MESSAGES)
        return await history.aget_messages()

    assert asyncio.run(talk()) == MESSAGES


def test_clear_removes_all_messages(db: SessionDB) -> None:
    history = ChatMessageHistory("ann", db)
    history.clear()
    history.add_user_message("Hi")
    history.add_ai_message("Hello")
    history.clear()
    assert history.messages == []


def test_messages_are_those_that_people_search_and_their_tokens_are_counted(db: SessionDB) -> None:
    history = ChatMessageHistory("ann", db, project="/home/ann")
    history.add_messages(MESSAGES)
    session = history.session
    assert session is not None
    assert (session.key, session.agent, session.project) == ("langchain:ann", "langchain", "/home/ann")
    assert [hit.seq for hit in db.search("الاختبارات").hits] == [2]
    tokens = session.tokens
    assert (tokens.input, tokens.cache_read, tokens.cache_write) == (30, 60, 10)
    assert (tokens.output, tokens.reasoning) == (30, 12)
    call = db.messages.transcript(session.id)[3].tool_calls[0]
    assert (call.name, call.arguments, call.result, call.is_error) == (
        "ls",
        '{"path":"测试"}',
        "no such folder",
        True,
    )


def test_messages_from_elsewhere_come_too(db: SessionDB) -> None:
    stored = db.sessions.get_or_start("langchain:ann", "me")
    db.messages.append(stored.id, "user", "Look.")
    db.messages.append(
        stored.id, "assistant", "Yes.", tool_calls=[{"id": "c1", "name": "ls", "arguments": {"a": 1}}]
    )
    db.messages.append(stored.id, "tool", "tests/", tool_call_id="c1")
    found = ChatMessageHistory("ann", db).messages
    assert [(message.type, message.content) for message in found] == [
        ("human", "Look."),
        ("ai", "Yes."),
        ("tool", "tests/"),
    ]
    assert isinstance(found[1], AIMessage)
    assert found[1].tool_calls == [{"id": "c1", "name": "ls", "args": {"a": 1}, "type": "tool_call"}]
    assert isinstance(found[2], ToolMessage)
    assert found[2].tool_call_id == "c1"


def test_it_works_inside_a_real_chain(db: SessionDB) -> None:
    def histories(session_id: str) -> ChatMessageHistory:
        return ChatMessageHistory(session_id, db)

    model = GenericFakeChatModel(messages=iter([AIMessage("Hello Ann"), AIMessage("You are Ann")]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LangChain would rather have people use LangGraph
        chain = RunnableWithMessageHistory(model, histories)
    config: Any = {"configurable": {"session_id": "ann"}}
    chain.invoke([HumanMessage("I am Ann")], config)
    assert chain.invoke([HumanMessage("Who am I?")], config).content == "You are Ann"
    assert [message.content for message in histories("ann").messages] == [
        "I am Ann",
        "Hello Ann",
        "Who am I?",
        "You are Ann",
    ]
