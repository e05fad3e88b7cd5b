"""A model that real agents can talk to without an account: four dialects of HTTP on loopback, and one thing to say.

A prompt with the word RECALL is answered by a call of sessiondb's search tool, if the agent offers it, and then by a
text; any other by the text. What is asked is kept, so that a test can see what has reached the model.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

TEXT = "The answer is marzipan."
QUERY = "fractions"

_TOOL = re.compile(r"sessiondb\W*_*search$")


class Call(NamedTuple):
    """A call of a tool, as an agent is asked for it."""

    name: str
    arguments: dict[str, Any]
    namespace: str | None = None


class Asked(NamedTuple):
    """A request: its dialect, its text as it came, its items as (kind, text), and the tools that it offers."""

    dialect: str
    body: str
    items: list[tuple[str, str]]
    tools: list[tuple[str, str | None]]
    schema: Any = None


def _texts(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(
            _texts(value[key]) for key in ("text", "content", "output", "response") if key in value
        )
    return "\n".join(map(_texts, value)) if isinstance(value, list) else ""


def _anthropic(body: dict[str, Any]) -> Asked:
    items = [("system", _texts(body.get("system")))]
    for message in body.get("messages", []):
        content = message["content"]
        for block in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            kind = "result" if block.get("type") == "tool_result" else message["role"]
            items.append((kind, _texts(block)))
    return Asked("anthropic", "", items, [(str(tool["name"]), None) for tool in body.get("tools") or []])


def _responses(body: dict[str, Any]) -> Asked:
    items = [("system", _texts(body.get("instructions")))]
    given = body.get("input") or []
    for item in given if isinstance(given, list) else [{"role": "user", "content": given}]:
        kind = str(item.get("type", "message"))
        items.append(("result" if kind.endswith("_output") else item.get("role", kind), _texts(item)))
    tools: list[tuple[str, str | None]] = []
    for tool in body.get("tools") or []:
        inner = tool.get("tools")
        tools += [(one["name"], tool["name"]) for one in inner] if inner else [(str(tool.get("name")), None)]
    return Asked("responses", "", items, tools)


def _chat(body: dict[str, Any]) -> Asked:
    messages = body.get("messages", [])
    items = [
        ("result" if one["role"] == "tool" else one["role"], _texts(one.get("content"))) for one in messages
    ]
    return Asked("chat", "", items, [(tool["function"]["name"], None) for tool in body.get("tools") or []])


def _gemini(body: dict[str, Any]) -> Asked:
    items = [("system", _texts((body.get("systemInstruction") or {}).get("parts")))]
    for content in body.get("contents", []):
        for part in content.get("parts", []):
            answer = part.get("functionResponse")
            items.append(
                ("result", json.dumps(answer)) if answer else (content.get("role", "user"), _texts(part))
            )
    tools = [tool for group in body.get("tools") or [] for tool in group.get("functionDeclarations", [])]
    config = body.get("generationConfig") or {}
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    return Asked("gemini", "", items, [(tool["name"], None) for tool in tools], schema)


_DIALECTS = (
    (re.compile(r"/responses"), _responses),
    (re.compile(r"/chat/completions"), _chat),
    (re.compile(r"/messages$"), _anthropic),
    (re.compile(r"enerateContent"), _gemini),
)


def _least(schema: Any) -> Any:
    """Return the least value that a JSON schema allows."""
    if not isinstance(schema, dict):
        return {}
    if schema.get("enum"):
        return schema["enum"][0]
    kind = str(schema.get("type", "object")).lower()
    if kind == "object":
        return {name: _least(inner) for name, inner in (schema.get("properties") or {}).items()}
    return {"string": "x", "integer": 1, "number": 1, "boolean": False, "array": []}.get(kind, "x")


def _answer(asked: Asked) -> Call | str:
    if asked.schema is not None:
        return json.dumps(_least(asked.schema))
    prompts = [place for place, (kind, text) in enumerate(asked.items) if kind == "user" and "RECALL" in text]
    if not prompts or not asked.tools:
        return TEXT
    results = [text for kind, text in asked.items[prompts[-1] :] if kind == "result"]
    if any("sessiondb-memory" in text for text in results):
        return TEXT
    for name, space in asked.tools:
        if _TOOL.search(f"{space or ''}_{name}"):
            return Call(name, {"query": QUERY}, space)
    names = [name for name, _ in asked.tools]
    if "ToolSearch" in names and len(results) < 2:
        # Claude Code: the names of MCP tools are all that it sends at first.
        found = Call("mcp__sessiondb__search", {"query": QUERY})
        return found if results else Call("ToolSearch", {"query": "select:mcp__sessiondb__search"})
    if "exec_command" in names and len(results) < 2:
        # Codex begins without the tools of a server that takes more than a moment to start.
        return Call("exec_command", {"cmd": "sleep 4"})
    return TEXT


Events = list[tuple[str | None, Any]]


def _say_anthropic(answer: Call | str, number: int, model: str) -> tuple[Any, Events]:
    counts = {"input_tokens": 100, "output_tokens": 20}
    if isinstance(answer, str):
        block: dict[str, Any] = {"type": "text", "text": answer}
        start: dict[str, Any] = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": answer}
    else:
        block = {
            "type": "tool_use",
            "id": f"toolu_{number:020}",
            "name": answer.name,
            "input": answer.arguments,
        }
        start = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(answer.arguments)}
    stop = {"stop_reason": "end_turn" if isinstance(answer, str) else "tool_use", "stop_sequence": None}
    message: dict[str, Any] = {
        "id": f"msg_{number:020}",
        "type": "message",
        "role": "assistant",
        "model": model,
    }
    message |= {"content": [block], **stop, "usage": counts}
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": {**message, "content": [], "stop_reason": None}}),
        ("content_block_start", {"index": 0, "content_block": start}),
        ("content_block_delta", {"index": 0, "delta": delta}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": stop, "usage": counts}),
        ("message_stop", {}),
    ]
    return message, [(name, {"type": name, **data}) for name, data in events]


def _say_responses(answer: Call | str, number: int, model: str) -> tuple[Any, Events]:
    usage: dict[str, Any] = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    if isinstance(answer, str):
        part = {"type": "output_text", "text": answer, "annotations": []}
        item: dict[str, Any] = {
            "id": f"msg_{number:020}",
            "type": "message",
            "role": "assistant",
            "content": [part],
        }
    else:
        item = {"id": f"fc_{number:020}", "type": "function_call", "call_id": f"call_{number:020}"}
        item |= {"name": answer.name, "arguments": json.dumps(answer.arguments)}
        item |= {"namespace": answer.namespace} if answer.namespace else {}
    item["status"] = "completed"
    response: dict[str, Any] = {
        "id": f"resp_{number:020}",
        "object": "response",
        "status": "completed",
        "model": model,
    }
    response |= {"created_at": 1, "output": [item], "usage": usage}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": {**response, "status": "in_progress", "output": []}}),
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": response}),
    ]
    return response, [
        (name, {"type": name, "sequence_number": k, **data}) for k, (name, data) in enumerate(events)
    ]


def _say_chat(answer: Call | str, number: int, model: str) -> tuple[Any, Events]:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    message: dict[str, Any] = {"role": "assistant", "content": answer if isinstance(answer, str) else None}
    finish = "stop" if isinstance(answer, str) else "tool_calls"
    if isinstance(answer, Call):
        function = {"name": answer.name, "arguments": json.dumps(answer.arguments)}
        message["tool_calls"] = [
            {"index": 0, "id": f"call_{number:020}", "type": "function", "function": function}
        ]
    base: dict[str, Any] = {"id": f"chatcmpl-{number:020}", "created": 1, "model": model}
    whole: dict[str, Any] = {**base, "object": "chat.completion", "usage": usage}
    whole["choices"] = [{"index": 0, "message": message, "finish_reason": finish}]
    base["object"] = "chat.completion.chunk"
    choices: list[list[Any]] = [
        [{"index": 0, "delta": message, "finish_reason": None}],
        [{"index": 0, "delta": {}, "finish_reason": finish}],
    ]
    chunks: Events = [(None, {**base, "choices": choice}) for choice in choices]
    return whole, [*chunks, (None, {**base, "choices": [], "usage": usage}), (None, "[DONE]")]


def _say_gemini(answer: Call | str, number: int, model: str) -> tuple[Any, Events]:
    part = {"text": answer} if isinstance(answer, str) else {
        "functionCall": {"id": f"call_{number}", "name": answer.name, "args": answer.arguments}
    }  # fmt: skip
    candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, "finishReason": "STOP"}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}
    whole = {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": f"r{number}",
    }
    return whole, [(None, whole)]


_SAYING = {
    "anthropic": _say_anthropic,
    "responses": _say_responses,
    "chat": _say_chat,
    "gemini": _say_gemini,
}


class StubModel(ThreadingHTTPServer):
    """The server. `asked` is what it was asked, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def saw(self, text: str) -> list[Asked]:
        """Return the requests in whose items a text stands."""
        return [asked for asked in self.asked if any(text in said for _, said in asked.items)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StubModel

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def do_HEAD(self) -> None:
        """Answer that something is there."""
        self._send("application/json", b"{}")

    def do_GET(self) -> None:
        """List the one model."""
        models = {"object": "list", "data": [{"id": "stub-model", "object": "model"}], "models": []}
        self._send("application/json", json.dumps(models).encode())

    def do_POST(self) -> None:
        """Answer as a model does, in the dialect of the path."""
        raw = self._body()
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        path = self.path.split("?")[0]
        read = next((read for pattern, read in _DIALECTS if pattern.search(path)), None)
        if read is None:
            self._send("application/json", b'{"input_tokens": 100, "totalTokens": 100}')
            return
        asked = read(body)._replace(body=raw.decode("utf-8", "replace"))
        with self.server.lock:
            self.server.asked.append(asked)
            number = len(self.server.asked)
        answer = _answer(asked)
        whole, events = _SAYING[asked.dialect](answer, number, str(body.get("model", "stub-model")))
        if body.get("stream") or "stream" in self.path:
            self._send("text/event-stream", "".join(_stream(events)).encode())
        else:
            self._send("application/json", json.dumps(whole).encode())

    def _body(self) -> bytes:
        if "chunked" not in (self.headers.get("transfer-encoding") or ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _send(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _stream(events: Iterable[tuple[str | None, Any]]) -> Iterator[str]:
    for name, data in events:
        line = data if isinstance(data, str) else json.dumps(data)
        yield f"event: {name}\ndata: {line}\n\n" if name else f"data: {line}\n\n"


@contextmanager
def stub_model() -> Iterator[StubModel]:
    """Run the model for as long as the block."""
    with StubModel() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
