"""Copilot Chat's sessions in VS Code: documents, logs of changes, exports, and what is said in them."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import vscode
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.detect import detect
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.golden import assert_owed
from tests.helpers.records import of, read_soundly

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
REQUEST = "6c0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
AT = 1_790_841_600_000
NOON = "2026-10-01T08:00:00.000Z"
HEADER = {"version": 3, "sessionId": SESSION, "creationDate": AT, "responderUsername": "GitHub Copilot"}


def request(text: str = "Which bed is dry?", *response: Any, **more: Any) -> dict[str, Any]:
    return {
        "requestId": f"request_{REQUEST}",
        "timestamp": AT,
        "message": {"text": text, "parts": []},
        "modelId": "copilot/gpt-5.2",
        "response": list(response),
        **more,
    }


def document(*requests: Any, **more: Any) -> dict[str, Any]:
    return {**HEADER, "requests": list(requests), **more}


def change(kind: int, value: Any = None, *path: Any, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "k": list(path), "v": value, **more}


def write(path: Path, *values: Any, indent: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value, indent=indent) + "\n" for value in values), "utf-8")
    return path


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    return tmp_path / "Code" / "User" / "workspaceStorage" / "abc" / "chatSessions"


records = partial(read_soundly, vscode)


def said(found: list[Record]) -> list[tuple[str, str | None]]:
    return [(one.role, one.content) for one in of(MessageRecord, found)]


CALL = {"id": "c1", "name": "run_in_terminal", "arguments": '{"command": "ls"}'}
TOOL = {"kind": "toolInvocationSerialized", "toolId": "copilot_run", "toolCallId": "c1"}


def rounds(*calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"metadata": {"toolCallRounds": [{"response": "", "toolCalls": list(calls)}], **more}}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_request_and_its_response_are_a_message_each(chats: Path, indent: int | None) -> None:
    asked = request(
        "Which bed is dry?",
        {"kind": "thinking", "value": ["Look ", "there."]},
        {"value": "The left "},
        {"value": "one, see "},
        {"kind": "inlineReference", "inlineReference": {"path": "/garden/BEDS.md"}},
        promptTokens=300,
        completionTokens=20,
        result={"metadata": {"promptTokens": 300, "outputTokens": 20}},
    )
    found = records(write(chats / f"{SESSION}.json", document(asked, customTitle="Dry beds"), indent=indent))
    session, prompt, answer, counted = found
    assert isinstance(session, SessionRecord)
    assert (session.id, session.agent, session.title) == (SESSION, "vscode-chat", "Dry beds")
    assert (session.started_at, session.metadata) == (NOON, {"editor": "Code"})
    assert isinstance(prompt, MessageRecord)
    assert prompt[:5] == (SESSION, "user", "Which bed is dry?", REQUEST, NOON)
    assert isinstance(answer, MessageRecord)
    assert (answer.content, answer.reasoning) == ("The left one, see `BEDS.md`", "Look there.")
    assert (answer.external_id, answer.model) == (f"{REQUEST}#answer", "copilot/gpt-5.2")
    assert isinstance(counted, TokenRecord)
    assert (counted.request_key, counted.input, counted.output) == (REQUEST, 300, 20)
    assert counted.message == answer.external_id


def test_its_logs_give_what_every_importer_owes(chats: Path) -> None:
    path = write(
        chats / "x.jsonl", {"kind": 0, "v": document(request("Dry?", {"value": "Left."}, result={}))}
    )
    assert_owed(vscode, path, in_parts=False)


def test_a_log_of_changes_gives_what_the_document_would(chats: Path) -> None:
    whole = document(
        request("Dry?", {"value": "Left."}, result={}, promptTokens=3),
        request("Wet?", {"value": "Right."}, result={}, requestId=f"request_{SESSION}"),
        customTitle="Beds",
    )
    log = write(
        chats / "log.jsonl",
        {"kind": 0, "v": document(request("gone", requestId="request_x"))},
        change(2, [request("Dry?")], "requests", i=0),
        change(2, [{"value": "Le"}, {"value": "to be cut"}], "requests", 0, "response"),
        change(2, [{"value": "ft."}], "requests", 0, "response", i=1),
        change(1, 3, "requests", 0, "promptTokens"),
        change(1, {}, "requests", 0, "result"),
        change(2, [request("Wet?", requestId=f"request_{SESSION}", result={})], "requests"),
        change(1, [{"value": "Right."}], "requests", 1, "response"),
        change(1, "Bed", "customTitle"),
        change(1, "Beds", "customTitle"),
        change(1, "x", "inputState"),
        {"kind": 3, "k": ["inputState"]},
    )
    assert records(log) == records(write(chats / "whole.json", whole))


def test_a_log_that_was_replaced_by_one_line_is_read_from_its_beginning(chats: Path) -> None:
    path = write(
        chats / "x.jsonl", {"kind": 0, "v": document(request("Dry?", {"value": "Left."}, result={}))}
    )
    source = Source(path, start=path.stat().st_size, line=9)
    assert said(list(vscode.read(source))) == [("user", "Dry?"), ("assistant", "Left.")]


def test_a_response_that_goes_on_waits_for_its_end(chats: Path) -> None:
    lines = [{"kind": 0, "v": document(request("Dry?", {"value": "Le"}))}]
    assert said(records(write(chats / "x.jsonl", *lines))) == [("user", "Dry?")]
    lines.append(change(1, True, "requests", 0, "isCanceled"))
    answer = of(MessageRecord, records(write(chats / "x.jsonl", *lines)))[1]
    assert (answer.content, answer.finish_reason) == ("Le", "canceled")


def test_the_log_beside_a_document_is_the_newer_one(chats: Path) -> None:
    old = write(chats / f"{SESSION}.json", document(request("Dry?", result={})))
    write(chats / f"{SESSION}.jsonl", {"kind": 0, "v": document(request("Dry?"))})
    assert records(old) == []


def test_changes_to_what_is_not_there_are_reported(chats: Path) -> None:
    path = write(
        chats / "x.jsonl",
        {"kind": 0, "v": document(request("Dry?"))},
        change(1, "x", "requests", 7, "response"),
        change(1, "x", "requests", 0, "response", "y", "z"),
        {"note": 1},
    )
    source = Source(path)
    assert said(list(vscode.read(source))) == [("user", "Dry?")]
    assert [one.line for one in source.problems] == [2, 3, 4]


def test_calls_have_their_true_arguments_and_answers(chats: Path) -> None:
    tree = {"node": {"children": [{"text": "dry"}, {"text": "wet", "lineBreakBefore": True}]}}
    results = {"c1": {"content": [{"value": tree}]}}
    asked = request(
        "?", {"value": "I look."}, TOOL, {"value": "Left."}, result=rounds(CALL, toolCallResults=results)
    )
    found = records(write(chats / "x.json", document(asked)))
    answer = of(MessageRecord, found)[1]
    assert answer.content == "I look.\n\nLeft."
    assert answer.tool_calls == (("c1", "run_in_terminal", '{"command": "ls"}'),)
    (told,) = of(ToolResult, found)
    assert (told.call_id, told.result) == ("c1", "dry\nwet")


def test_parts_with_other_ids_belong_to_the_call_in_their_place(chats: Path) -> None:
    details = {"input": "ls", "output": [{"isText": True, "value": "dry"}], "isError": True}
    asked = request("?", {**TOOL, "toolCallId": "other", "resultDetails": details}, result=rounds(CALL))
    found = records(write(chats / "x.json", document(asked)))
    assert [call.call_id for call in of(MessageRecord, found)[1].tool_calls] == ["c1"]
    assert [(one.call_id, one.result, one.is_error) for one in of(ToolResult, found)] == [("c1", "dry", True)]


def test_a_call_that_only_its_part_tells_of_is_kept(chats: Path) -> None:
    special = {
        "kind": "terminal",
        "commandLine": {"original": "ls"},
        "terminalCommandOutput": {"text": "dry"},
        "terminalCommandState": {"exitCode": 0},
    }
    found = records(
        write(chats / "x.json", document(request("?", {**TOOL, "toolSpecificData": special}, result={})))
    )
    assert of(MessageRecord, found)[1].tool_calls == (("c1", "copilot_run", "ls"),)
    assert [(one.result, one.is_error) for one in of(ToolResult, found)] == [("dry", False)]


def test_what_a_person_attached_is_kept_and_what_the_program_added_is_not(chats: Path) -> None:
    pixel = b"\x89PNG"
    variables = [
        {"kind": "file", "name": "beds.md", "value": {"uri": {"fsPath": "/garden/beds.md"}}},
        {"kind": "promptFile", "name": "rules", "automaticallyAdded": True, "value": {"path": "/x"}},
        {"kind": "image", "name": "bed", "value": {"$base64": base64.b64encode(pixel).decode()}},
        {"kind": "image", "name": "bed", "value": dict(enumerate(pixel))},
    ]
    found = records(write(chats / "x.json", document(request("?", variableData={"variables": variables}))))
    image = {"sha256": hashlib.sha256(pixel).hexdigest(), "media_type": "image/png", "bytes": 4}
    assert of(MessageRecord, found)[0].parts == [
        {"type": "file", "name": "beds.md", "path": "/garden/beds.md"},
        {"type": "image", "name": "bed", **image},
        {"type": "image", "name": "bed", **image},
    ]


def test_a_request_of_the_program_is_no_prompt(chats: Path) -> None:
    (row,) = of(
        MessageRecord, records(write(chats / "x.json", document(request("Go on", isSystemInitiated=True))))
    )
    assert (row.role, row.metadata) == ("system", {"kind": "meta"})


@pytest.mark.parametrize(
    ("uri", "project", "remote"),
    [
        ("file:///home/ada/my%20garden", "/home/ada/my garden", None),
        ("file:///c%3A/Users/ada/garden", "c:\\Users\\ada\\garden", None),
        ("vscode-remote://ssh-remote%2Bshed/srv/garden", "/srv/garden", "ssh-remote+shed"),
    ],
)
def test_the_folder_is_that_of_the_workspace(chats: Path, uri: str, project: str, remote: str | None) -> None:
    path = write(chats / "x.json", document(request()))
    write(chats.parent / "workspace.json", {"folder": uri})
    session = of(SessionRecord, records(path))[0]
    assert (session.project, session.metadata.get("remote")) == (project, remote)


@pytest.mark.parametrize(
    ("editor", "agent"),
    [("Code - Insiders", "vscode-chat"), ("VSCodium", "vscode-chat"), ("Windsurf", "windsurf")],
)
def test_the_editor_is_told_by_its_folder(tmp_path: Path, editor: str, agent: str) -> None:
    path = tmp_path / editor / "User" / "globalStorage" / "emptyWindowChatSessions" / "x.json"
    session = of(SessionRecord, records(write(path, document(request()))))[0]
    assert (session.agent, session.metadata) == (agent, {"editor": editor})


@pytest.mark.parametrize(
    "more", [[], [change(1, "Beds", "customTitle"), change(1, True, "requests", 0, "isCanceled")]]
)
def test_a_log_that_begins_with_a_very_long_line_is_told_and_read(chats: Path, more: list[Any]) -> None:
    whole = document(request("Dry?", {"value": "x" * 17_000_000}, result={}), request("Wet?"))
    path = write(chats / "x.jsonl", {"kind": 0, "v": whole}, *more)
    assert detect(Sample(path)) is vscode
    assert [role for role, _ in said(records(path))] == ["user", "assistant", "user"]


def test_an_export_is_the_same_session_wherever_it_lies(tmp_path: Path) -> None:
    export = {"responderUsername": "GitHub Copilot", "requests": [request("Dry?", result={"metadata": {}})]}
    ids = {
        of(SessionRecord, records(write(tmp_path / name, export)))[0].native_id
        for name in ("a.json", "b.json")
    }
    assert ids == {f"request_{REQUEST}"}


def test_a_chat_without_requests_is_no_session_yet(chats: Path) -> None:
    assert records(write(chats / "x.json", document())) == []
    with pytest.raises(ImportFailed, match="has no chat"):
        list(vscode.read(Source(write(chats / "y.jsonl", {"note": 1}))))


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (document(request()), 2),
        ({"requests": [request()]}, 2),
        ({"kind": 0, "v": document()}, 2),
        ({"kind": 1, "k": ["x"], "v": 1}, 0),
        ({"kind": 1, "k": ["requests", 0, "result"], "v": 1}, 2),
        ({"kind": 0, "v": {}}, 0),
        ({"requests": [{"url": "x"}]}, 0),
        ({"requests": "x", "responderUsername": "x"}, 0),
    ],
)
def test_the_format_is_told_by_its_requests(tmp_path: Path, value: Any, score: int) -> None:
    sample = Sample(write(tmp_path / "chat.json", value))
    sample.lines_up_to(50)
    assert vscode.sniff(sample) == score
