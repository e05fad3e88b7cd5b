"""Codex's response items: calls, outputs and reasoning in all the shapes that logs have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sessiondb.importers.codex.items import Item, call_record, output_record, reasoning_text, shape
from sessiondb.importers.codex.lines import Payload, event_result

PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("item", "form"),
    [
        (Item("message"), "message"),
        (Item(role="user"), "message"),
        (Item("reasoning"), "reasoning"),
        (Item("agent_message"), "agent_message"),
        (Item("function_call"), "call"),
        (Item("web_search_call"), "call"),
        (Item("custom_tool_call_output"), "output"),
        (Item("tool_result"), "output"),
        (Item("ghost_snapshot"), "nothing"),
        (Item("compaction"), "nothing"),
        (Item(), "nothing"),
        (Item(["message"]), "nothing"),
        (Item("dream"), "unknown"),
    ],
)
def test_an_item_is_told_by_its_type(item: Item, form: str) -> None:
    assert shape(item) == form


@pytest.mark.parametrize(
    ("item", "call"),
    [
        (
            Item("function_call", name="exec", arguments='{"cmd":"ls"}', call_id="c"),
            ("c", "exec", '{"cmd":"ls"}'),
        ),
        (
            Item("function_call", name="say", arguments='{"t":"\\u00e9"}', call_id="c"),
            ("c", "say", '{"t":"é"}'),
        ),
        (Item("function_call", name="wait", namespace="agents", call_id="c"), ("c", "agents.wait", None)),
        (
            Item("function_call", name="find", namespace="mcp__mail__", call_id="c"),
            ("c", "mcp__mail__find", None),
        ),
        (
            Item("custom_tool_call", name="apply_patch", input="*** Begin", call_id="c"),
            ("c", "apply_patch", "*** Begin"),
        ),
        (
            Item("local_shell_call", id="l", action={"type": "exec", "command": ["ls"]}),
            ("l", "local_shell", '{"type":"exec","command":["ls"]}'),
        ),
        (Item("web_search_call", id="w", action={"query": "x"}), ("w", "web_search", '{"query":"x"}')),
        (
            Item("tool_search_call", call_id="t", arguments={"query": "x"}),
            ("t", "tool_search", '{"query":"x"}'),
        ),
        (Item("tool_call", function={"name": "run"}, arguments={"a": 1}), (None, "run", '{"a":1}')),
        (Item("function_call", name=7, arguments=[1], call_id=["x"]), (None, "7", "[1]")),
    ],
)
def test_a_call_is_read_in_any_shape(item: Item, call: tuple[Any, ...]) -> None:
    assert tuple(call_record(item)) == call


@pytest.mark.parametrize(
    ("output", "result", "failed"),
    [
        ("done", "done", None),
        ("", None, None),
        ("Exit code: 0\nWall time: 1\nOutput:\nok", "Exit code: 0\nWall time: 1\nOutput:\nok", False),
        ("Exit code: 2\nOutput:\n", "Exit code: 2\nOutput:\n", True),
        (
            "Chunk ID: a\nWall time: 1\nProcess exited with code 3\n",
            "Chunk ID: a\nWall time: 1\nProcess exited with code 3\n",
            True,
        ),
        ("a log\nExit code: 1\n", "a log\nExit code: 1\n", None),
        ('{"output": "text", "metadata": {"exit_code": 0}}', "text", False),
        ('{"output": "text", "metadata": {"exit_code": 127}}', "text", True),
        ('{"output": "text"}', "text", None),
        ('{"output": 5}', '{"output": 5}', None),
        ('{"output": "torn', '{"output": "torn', None),
        ({"content": "text", "success": False}, "text", True),
        ({"content": "text", "success": True}, "text", False),
        ({"content": [{"type": "input_text", "text": "text"}]}, "text", None),
        ({"type": "input_text", "text": "text"}, "text", None),
        ({"stdout": "text", "code": 1}, '{"stdout":"text","code":1}', None),
        ([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}], "a\n\nb", None),
        (None, None, None),
    ],
)
def test_an_output_is_read_in_any_shape(output: Any, result: str | None, failed: bool | None) -> None:
    record = output_record(Item("function_call_output", call_id="c", output=output), "s", None)
    assert (record.call_id, record.result, record.is_error) == ("c", result, failed)


def test_an_image_among_a_tools_output_is_kept_by_its_hash() -> None:
    blocks = [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PIXEL}]
    record = output_record(Item("function_call_output", call_id="c", output=blocks), "s", None)
    assert record.result == "a"
    assert record.parts is not None
    assert "iVBOR" not in json.dumps(record.parts)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (Item(summary=[{"text": "a"}, {"text": "b"}], content=None), "a\n\nb"),
        (Item(summary=[], content=[{"type": "reasoning_text", "text": "c"}]), "c"),
        (Item(summary="a"), "a"),
        (Item(summary=[None, 3, {"text": 4}], content={"text": ""}), None),
        (Item(), None),
    ],
)
def test_reasoning_is_its_summary_and_its_content(item: Item, text: str | None) -> None:
    assert reasoning_text(item) == text


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        (Payload(aggregated_output="out", stdout="x", exit_code=0), ("out", False)),
        (Payload(stdout="out", stderr="err", exit_code=1), ("outerr", True)),
        (Payload(stdout="", stderr="", success=True), (None, False)),
        (
            Payload(result={"Ok": {"content": [{"type": "text", "text": "a"}], "isError": False}}),
            ("a", False),
        ),
        (Payload(result={"Ok": "text"}), ("text", None)),
        (Payload(result={"Err": "no"}), ("no", True)),
        (Payload(content_items=[{"type": "inputText", "text": "a"}, 3], success=False), ("a", True)),
        (Payload(results=[{"title": "a"}]), ('[{"title":"a"}]', None)),
    ],
)
def test_an_event_tells_a_tools_answer(event: Payload, answer: tuple[Any, ...]) -> None:
    event.call_id = "c"
    record = event_result(event, "s", None)
    assert record is not None
    assert (record.call_id, record.result, record.is_error) == ("c", *answer)


@pytest.mark.parametrize(
    "event", [Payload(aggregated_output="out"), Payload(call_id="c"), Payload(call_id={}, success=True)]
)
def test_an_event_without_an_id_or_an_answer_tells_nothing(event: Payload) -> None:
    assert event_result(event, "s", None) is None
