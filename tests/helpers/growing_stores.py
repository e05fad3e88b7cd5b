"""One conversation as it goes on, step by step, in each store that its program writes anew in place."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
SES = "ses_2f1e0d9c8b7aABCDEFGHIJKLMN"
START = 1_790_000_000
"""2026-09-21T14:13:20Z."""
PROMPT = "Which bed is dry?"


@dataclass(frozen=True)
class State:
    """How far a conversation is: an answer that calls a tool, then one that does not.

    Arguments, result and the second answer are None as long as there are none; `output` are tokens of the first one.
    """

    said: str = ""
    thought: str = ""
    arguments: dict[str, str] | None = None
    result: str | None = None
    failed: bool = False
    second: str | None = None
    model: str | None = None
    output: int = 0


_CALLED = State("Let me look.", "Which beds are there?", {"command": "ls beds"}, model="m-1")
_ANSWERED = replace(_CALLED, result="dry", output=20)
STATES = (
    State(),
    State("Le", "Which"),
    State("Let me look.", "Which beds are there?", model="m-1"),
    State("Let me look.", "Which beds are there?", {}, model="m-1"),
    _CALLED,
    _ANSWERED,
    replace(_ANSWERED, result="dry beds: 1"),
    replace(_ANSWERED, result="no such folder", failed=True, second="The l"),
    replace(_ANSWERED, result="no such folder", failed=True, second="The left one."),
    replace(_ANSWERED, result="no such folder", failed=True, second="The left one.", output=30),
)


def database(path: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Write a database anew; the first row of a table has all of its columns."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, rows in tables.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(rows[0])})")
            for row in rows:
                values = [
                    json.dumps(value) if isinstance(value, dict | list) else value for value in row.values()
                ]
                marks = ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", values)


def _text(words: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": words}] if words else []


# OpenCode


def _tool_state(state: State) -> dict[str, Any]:
    times: dict[str, Any] = {"start": START * 1000 + 1500}
    if state.result is None:
        return {"status": "running", "input": state.arguments, "time": times}
    times["end"] = START * 1000 + 1800
    key, status = ("error", "error") if state.failed else ("output", "completed")
    return {"status": status, "input": state.arguments, key: state.result, "time": times}


def _opencode(state: State) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return messages and their parts."""

    def info(number: int, role: str, **more: Any) -> dict[str, Any]:
        time = {"created": (START + number) * 1000}
        return {"id": f"msg_{number}", "sessionID": SES, "role": role, "time": time, **more}

    thought = [{"type": "reasoning", "text": state.thought}] if state.thought else []
    call = [{"type": "tool", "tool": "bash", "callID": "c1", "state": _tool_state(state)}]
    tokens = {"input": 9, "output": state.output, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    first = info(1, "assistant", modelID=state.model, providerID="p", tokens=tokens if state.output else None)
    parts = [*thought, *_text(state.said), *(call if state.arguments is not None else [])]
    found = [(info(0, "user"), _text(PROMPT) if state.said else []), (first, parts)]
    if state.second is not None:
        found.append((info(2, "assistant", modelID="m-1"), _text(state.second)))
    return found


_SESSION = {"id": SES, "title": "New session - 2026-09-21T14:13:20.000Z", "time_created": START * 1000}


def opencode(folder: Path, state: State) -> Path:
    path = folder / "opencode.db"
    said = _opencode(state)
    messages = [
        {"id": info["id"], "session_id": SES, "time_created": info["time"]["created"], "data": info}
        for info, _ in said
    ]
    parts = [
        {"id": f"prt_{info['id']}{number}", "message_id": info["id"], "data": part}
        for info, found in said
        for number, part in enumerate(found)
    ]
    none = {"id": "prt_0", "message_id": "none", "data": {"type": "text", "text": ""}}
    database(path, {"session": [_SESSION], "message": messages, "part": [none, *parts]})
    return path


def opencode_present(folder: Path, state: State) -> Path:
    """Write the table in which a message is one row with all that is in it."""

    def block(part: dict[str, Any]) -> dict[str, Any]:
        return {**part, "name": "bash"} if part["type"] == "tool" else part

    path = folder / "opencode.db"
    rows = []
    for number, (info, parts) in enumerate(_opencode(state)):
        more: dict[str, Any] = {"content": [block(part) for part in parts]}
        if info["role"] == "user":
            more = {"text": PROMPT if parts else ""}
        elif info["modelID"]:
            more["model"] = {"id": info["modelID"], "providerID": "p"}
        data = {key: value for key, value in {**info, **more}.items() if key not in ("modelID", "providerID")}
        rows.append({"id": info["id"], "session_id": SES, "type": info["role"], "seq": number, "data": data})
    database(path, {"session_v2": [_SESSION], "session_message": rows})
    return path


def _tree(root: Path, session: Path, state: State, parts_of: Callable[[str], Path]) -> Path:
    info = {"id": SES, "title": _SESSION["title"], "projectID": "p", "time": {"created": START * 1000}}
    files = {session: {**info, "directory": "/garden"}}
    for message, parts in _opencode(state):
        files[root / "message" / SES / f"{message['id']}.json"] = message
        for number, part in enumerate(parts):
            path = parts_of(message["id"]) / f"prt_{message['id']}{number}_{part['type']}.json"
            files[path] = {**part, "id": path.stem, "messageID": message["id"]}
    for path, value in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # What has not changed is not written again.
        if not path.exists() or json.loads(path.read_text()) != value:
            path.write_text(json.dumps(value))
    return session


def opencode_tree(folder: Path, state: State) -> Path:
    root = folder / "storage"
    return _tree(root, root / "session" / "p" / f"{SES}.json", state, lambda id: root / "part" / id)


def opencode_early_tree(folder: Path, state: State) -> Path:
    root = folder / "storage" / "session"
    return _tree(root, root / "info" / f"{SES}.json", state, lambda id: root / "part" / SES / id)


def opencode_loose_parts(folder: Path, state: State) -> Path:
    root = folder / "storage"
    return _tree(root, root / "session" / "p" / f"{SES}.json", state, lambda id: root / "part")


def opencode_export(folder: Path, state: State) -> Path:
    path = folder / "export.json"
    info = {"id": SES, "title": _SESSION["title"], "time": {"created": START * 1000}}
    messages = [{"info": info, "parts": parts} for info, parts in _opencode(state)]
    path.write_text(json.dumps({"info": info, "messages": messages}))
    return path


def crush(folder: Path, state: State) -> Path:
    def part(kind: str, **data: Any) -> dict[str, Any]:
        return {"type": kind, "data": data}

    def message(number: int, role: str, parts: list[dict[str, Any]], model: str | None) -> dict[str, Any]:
        at = START + number
        return {
            "id": f"m{number}", "session_id": "s1", "role": role, "parts": parts, "model": model,
            "created_at": at, "finished_at": None, "provider": "p",
        }  # fmt: skip

    path = folder / ".crush" / "crush.db"
    path.parent.mkdir(exist_ok=True)
    asked = json.dumps(state.arguments) if state.arguments else ""
    call = part("tool_call", id="c1", name="bash", input=asked, finished=state.result is not None)
    thought = [part("reasoning", thinking=state.thought)] if state.thought else []
    said = [part("text", text=state.said)] if state.said else []
    rows = [
        message(0, "user", [part("text", text=PROMPT)], None),
        message(1, "assistant", [*thought, *said, *([] if state.arguments is None else [call])], state.model),
    ]
    if state.result is not None:
        result = part(
            "tool_result", tool_call_id="c1", name="bash", content=state.result, is_error=state.failed
        )
        rows.append(message(2, "tool", [result], None))
    if state.second is not None:
        rows.append(message(3, "assistant", [part("text", text=state.second)], "m-1"))
    session = {"id": "s1", "parent_session_id": None, "title": "", "created_at": START}
    database(path, {"goose_db_version": [{"version_id": 1}], "sessions": [session], "messages": rows})
    return path


def goose(folder: Path, state: State) -> Path:
    def row(number: int, role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": number, "message_id": f"msg_{number}", "session_id": "20260921_1", "role": role,
            "content_json": list(blocks), "created_timestamp": START + number, "metadata_json": "{}",
        }  # fmt: skip

    path = folder / "sessions.db"
    thought = [{"type": "thinking", "thinking": state.thought}] if state.thought else []
    value = {"name": "shell", "arguments": state.arguments}
    call = {"type": "toolRequest", "id": "c1", "toolCall": {"status": "success", "value": value}}
    asked = [call] if state.arguments is not None else []
    rows = [row(0, "user", *_text(PROMPT)), row(1, "assistant", *thought, *_text(state.said), *asked)]
    if state.result is not None:
        told = {"status": "success", "value": {"content": _text(state.result), "isError": state.failed}}
        rows.append(row(2, "user", {"type": "toolResponse", "id": "c1", "toolResult": told}))
    if state.second is not None:
        rows.append(row(3, "assistant", *_text(state.second)))
    session = {"id": "20260921_1", "name": "New session 1", "created_at": "2026-09-21 14:13:20"}
    counts = {"accumulated_input_tokens": 9, "accumulated_output_tokens": state.output}
    model = {"model_config_json": {"model_name": state.model} if state.model else None}
    database(path, {"sessions": [{**session, **counts, **model}], "messages": rows})
    return path


def cursor(folder: Path, state: State) -> Path:
    path = folder / "globalStorage" / "state.vscdb"
    path.parent.mkdir(exist_ok=True)
    model = {"modelInfo": {"modelName": state.model}} if state.model else {}
    bubbles: dict[str, dict[str, Any]] = {
        "u1": {"type": 1, "text": PROMPT},
        "a1": {"type": 2, "text": state.said, "thinking": {"text": state.thought}, **model},
    }
    if state.arguments is not None:
        status = "running" if state.result is None else "error" if state.failed else "completed"
        tool = {"toolCallId": "c1", "name": "run", "rawArgs": json.dumps(state.arguments), "status": status}
        bubbles["a2"] = {"type": 2, "toolFormerData": {**tool, "result": state.result}}
    if state.second is not None:
        counts = {"inputTokens": 9, "outputTokens": len(state.second)}
        bubbles["a3"] = {"type": 2, "text": state.second, "tokenCount": counts}
    heads = [{"bubbleId": id, "type": one["type"]} for id, one in bubbles.items()]
    composer = {"composerId": ID, "createdAt": START * 1000, "fullConversationHeadersOnly": heads}
    rows = [{"key": f"composerData:{ID}", "value": composer}]
    rows += [{"key": f"bubbleId:{ID}:{id}", "value": bubble} for id, bubble in bubbles.items()]
    database(path, {"ItemTable": [{"key": "none", "value": ""}], "cursorDiskKV": rows})
    return path


def zed(folder: Path, state: State) -> Path:
    path = folder / "threads.db"
    thought = [{"Thinking": {"text": state.thought}}] if state.thought else []
    asked = {"id": "c1", "name": "read_file", "raw_input": "", "input": state.arguments}
    call = [] if state.arguments is None else [{"ToolUse": asked}]
    said = [{"Text": state.said}] if state.said else []
    told = {"tool_name": "read_file", "is_error": state.failed, "content": {"Text": state.result}}
    results = {} if state.result is None else {"c1": told}
    messages: list[dict[str, Any]] = [
        {"User": {"id": ID, "content": [{"Text": PROMPT}]}},
        {"Agent": {"content": [*thought, *said, *call], "tool_results": results}},
    ]
    if state.second is not None:
        messages.append({"Agent": {"content": [{"Text": state.second}], "tool_results": {}}})
    model = {"model": {"provider": "p", "model": state.model}} if state.model else {}
    tokens = {"cumulative_token_usage": {"input_tokens": 9, "output_tokens": state.output}}
    thread = {"version": "0.3.0", "title": "Beds", "messages": messages, **tokens, **model}
    row = {
        "id": ID, "summary": "Beds", "updated_at": "2026-09-21T14:13:20Z", "data_type": "json",
        "data": json.dumps(thread).encode(), "created_at": "2026-09-21T14:13:20Z",
    }  # fmt: skip
    database(path, {"threads": [row]})
    return path


def continue_dev(folder: Path, state: State) -> Path:
    path = folder / "sessions" / f"{ID}.json"
    path.parent.mkdir(exist_ok=True)
    function = {"name": "Bash", "arguments": json.dumps(state.arguments) if state.arguments else ""}
    call = {"id": "c1", "type": "function", "function": function}
    first: dict[str, Any] = {"role": "assistant", "content": state.said}
    states = []
    if state.arguments is not None:
        first["toolCalls"] = [call]
        status = "generated" if state.result is None else "errored" if state.failed else "done"
        output = [{"content": state.result}] if state.result is not None else []
        states = [{"toolCallId": "c1", "toolCall": call, "status": status, "output": output}]
    if state.output:
        first["usage"] = {"prompt_tokens": 9, "completion_tokens": state.output}
    thought = {"reasoning": {"text": state.thought, "startAt": START * 1000}} if state.thought else {}
    history: list[dict[str, Any]] = [
        {"message": {"role": "user", "content": PROMPT}},
        {"message": first, "toolCallStates": states, **thought},
    ]
    if state.second is not None:
        history.append({"message": {"role": "assistant", "content": state.second}})
    document = {"sessionId": ID, "title": "Beds", "workspaceDirectory": "/garden", "history": history}
    model = {"chatModelTitle": state.model} if state.model else {}
    path.write_text(json.dumps({**document, **model}))
    return path


def open_webui(folder: Path, state: State) -> Path:
    def node(id: str, role: str, before: str | None, content: str, **more: Any) -> dict[str, Any]:
        return {"id": id, "role": role, "parentId": before, "content": content, "timestamp": START, **more}

    path = folder / "webui.db"
    text = f'<details type="reasoning">\n{state.thought}\n</details>\n' if state.thought else ""
    if state.arguments is not None:
        told = f' result="{state.result}"' if state.result is not None else ""
        asked = json.dumps(json.dumps(state.arguments)).replace('"', "&quot;")
        text += f'<details type="tool_calls" id="c1" name="ls" arguments="{asked}"{told}>\n</details>\n'
    usage = {"usage": {"prompt_tokens": 9, "completion_tokens": state.output}} if state.output else {}
    nodes = [
        node("u1", "user", None, PROMPT),
        node("a1", "assistant", "u1", text + state.said, model=state.model, **usage),
    ]
    if state.second is not None:
        nodes += [node("u2", "user", "a1", "Go on."), node("a2", "assistant", "u2", state.second)]
    history = {"messages": {one["id"]: one for one in nodes}, "currentId": nodes[-1]["id"]}
    chat = {"title": "Beds", "history": history}
    row = {"id": ID, "user_id": "u", "title": "Beds", "chat": chat, "created_at": START}
    database(path, {"chat": [row]})
    return path


def kiro(folder: Path, state: State) -> Path:
    path = folder / "data.sqlite3"
    use = {"id": "c1", "name": "execute_bash", "args": state.arguments}
    message = {"message_id": "a1", "content": state.said}
    asked = {"content": {"Prompt": {"prompt": PROMPT}}, "timestamp": "2026-09-21T14:13:20Z"}
    answer = (
        {"Response": message} if state.arguments is None else {"ToolUse": {**message, "tool_uses": [use]}}
    )
    history: list[dict[str, Any]] = [{"user": asked, "assistant": answer}]
    if state.result is not None:
        told = {"tool_use_id": "c1", "content": [{"Text": state.result}]}
        told["status"] = "Error" if state.failed else "Success"
        content = {"ToolUseResults": {"tool_use_results": [told]}}
        second = {"Response": {"message_id": "a2", "content": state.second or ""}}
        history.append({"user": {"content": content, "timestamp": None}, "assistant": second})
    model = {"model_info": {"model_id": state.model}} if state.model else {}
    talk = {"conversation_id": ID, "history": history, **model}
    state_table = [{"key": "none", "value": ""}]
    database(path, {"state": state_table, "conversations": [{"key": "/garden", "value": talk}]})
    return path


def llm(folder: Path, state: State) -> Path:
    path = folder / "logs.db"
    row = {
        "id": "01m7xnsahw8y7zafw8q6sh0001", "model": "m-0", "resolved_model": state.model, "prompt": PROMPT,
        "response": state.said, "reasoning": state.thought, "conversation_id": "01m7xnsahw8y7zafw8q6sh0000",
        "datetime_utc": "2026-09-21T14:13:20+00:00", "input_tokens": 9, "output_tokens": state.output or None,
    }  # fmt: skip
    call = {
        "id": 1,
        "response_id": row["id"],
        "tool_call_id": "c1",
        "name": "ls",
        "arguments": state.arguments,
    }
    result = {"id": 1, "response_id": "01m7xnsahw8y7zafw8q6sh0002", "tool_call_id": "c1", "name": "ls"}
    second = {
        **row,
        "id": result["response_id"],
        "prompt": "",
        "response": state.second,
        "output_tokens": None,
    }
    nobody = {"id": 2, "response_id": "none", "tool_call_id": "c0", "name": "ls"}
    database(
        path,
        {
            "_llm_migrations": [{"name": "m"}],
            "conversations": [{"id": row["conversation_id"], "name": "Beds", "model": "m-0"}],
            "responses": [row, *([second] if state.result is not None else [])],
            "tool_calls": [call] if state.arguments is not None else [{**nobody, "arguments": ""}],
            "tool_results": [{**(nobody if state.result is None else result), "output": state.result}],
        },
    )
    return path


def cline(folder: Path, state: State) -> Path:
    """Write a task of the extension: its messages, and beside them what was shown, which alone has the tokens."""

    def message(number: int, role: str, *content: dict[str, Any]) -> dict[str, Any]:
        return {"role": role, "content": list(content), "ts": START * 1000 + number}

    path = folder / "tasks" / str(START * 1000) / "api_conversation_history.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    use = {"type": "tool_use", "id": "c1", "name": "execute_command", "input": state.arguments}
    asked = [use] if state.arguments is not None else []
    messages = [message(0, "user", *_text(f"<task>{PROMPT}</task>"))]
    if state.said or asked:
        messages.append(message(1, "assistant", *_text(state.said), *asked))
    if state.result is not None:
        told = {"type": "tool_result", "tool_use_id": "c1", "content": state.result, "is_error": state.failed}
        messages.append(message(2, "user", told))
    if state.second is not None:
        messages.append(message(3, "assistant", *_text(state.second)))
    spent = [state.output, *([len(state.second)] if state.second is not None else [])]
    shown = [
        {
            "ts": START * 1000 + 1 + 2 * number, "type": "say", "say": "api_req_started",
            "text": json.dumps({"tokensIn": 9, "tokensOut": output}),
        }
        for number, output in enumerate(spent)
    ]  # fmt: skip
    for file, value in ((path, messages), (path.with_name("ui_messages.json"), shown)):
        if not file.exists() or json.loads(file.read_text()) != value:
            file.write_text(json.dumps(value))
    return path


STORES = (
    opencode, opencode_present, opencode_tree, opencode_early_tree, opencode_loose_parts, opencode_export, crush, goose,
    cursor, zed, continue_dev, open_webui, kiro, llm, cline,
)  # fmt: skip
