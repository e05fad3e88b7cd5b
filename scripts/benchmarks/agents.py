"""Time the import of logs of several agents, against Claude Code's, each in a process of its own."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

_WORDS = ("bed", "dry", "wet", "left", "right", "rose", "water", "prune", "path", "stone", "wall", "plan")
_BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
_TURNS = 200
_IMPORT = """
import json, resource, sys, time
from sessiondb import SessionDB
with SessionDB(sys.argv[2]) as db:
    begun = time.process_time()
    report = db.import_logs(sys.argv[1], tz="UTC")
    spent = time.process_time() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([report.messages_added, len(report.skipped), spent, peak]))
"""


class Turn(NamedTuple):
    """What is said in one turn: a prompt, an answer with a call, and what the tool says to that."""

    number: int
    at: str
    ms: int
    prompt: str
    answer: str
    command: str
    result: str

    @property
    def call(self) -> str:
        """Return the id of the call."""
        return f"call_{self.number}"

    def uuid(self, part: int) -> str:
        """Return an id of one of the turn's messages."""
        return f"{self.number:08x}-{part:04x}-4000-8000-{self.number:012x}"


Lines = Iterator[dict[str, Any]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--mb", type=float, default=100, help="megabytes of logs of each agent (default 100)")
    parser.add_argument("--agent", choices=MAKERS, action="append", help="only this agent and Claude Code")


def run(args: argparse.Namespace) -> None:
    """Run the benchmark and print its table."""
    chosen = {"claude-code": None, **dict.fromkeys(args.agent or MAKERS)}
    baseline = 0.0
    print(f"{'agent':14}{'MB':>8}{'messages':>10}{'MB/s of cpu':>13}{'to the first':>14}{'peak MB':>9}")
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            size = make(name, Path(folder) / "logs", args.mb) / 1e6
            messages, skipped, spent, peak = _imported(Path(folder))
            assert not skipped, f"{skipped} lines of {name} were not read"
        rate = size / spent
        baseline = baseline or rate
        print(f"{name:14}{size:8.0f}{messages:10,}{rate:13.1f}{rate / baseline:14.2f}{peak:9.0f}", flush=True)


def make(name: str, folder: Path, megabytes: float) -> int:
    """Write logs of an agent, of about so many megabytes, below a folder; return how many bytes they are."""
    chance = random.Random(1)
    size = number = 0
    while size < megabytes * 1e6:
        session = f"{number:08x}-9999-4000-8000-{number:012x}"
        turns = [_turn(chance, number + place) for place in range(_TURNS)]
        number += _TURNS
        path, data = MAKERS[name](folder, session, turns)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data, "utf-8")
        size += len(data)
    return size


def _imported(folder: Path) -> list[Any]:
    command = [sys.executable, "-c", _IMPORT, str(folder / "logs"), str(folder / "x.db")]
    found: list[Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def _turn(chance: random.Random, number: int) -> Turn:
    moment = _BEGIN + timedelta(seconds=number)
    texts = (" ".join(chance.choices(_WORDS, k=count)) for count in (40, 120, 20, 300))
    return Turn(number, moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"), int(moment.timestamp() * 1000), *texts)


Maker = Callable[[Path, str, list[Turn]], tuple[Path, str]]


def _of_lines(lines: Callable[[str, list[Turn]], Lines]) -> Maker:
    """Return the maker of a format whose sessions are files of JSON lines."""

    def made(folder: Path, session: str, turns: list[Turn]) -> tuple[Path, str]:
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines(session, turns))
        return folder / f"{session}.jsonl", text

    return made


def _claude(session: str, turns: list[Turn]) -> Lines:
    for turn in turns:
        envelope = {"cwd": "/garden", "sessionId": session, "version": "2.1.4", "timestamp": turn.at}
        call = {"type": "tool_use", "id": turn.call, "name": "Bash", "input": {"command": turn.command}}
        answer = {"id": f"msg_{turn.number:020}", "role": "assistant", "model": "m"}
        usage = {"input_tokens": 10, "output_tokens": 5}
        content = [{"type": "text", "text": turn.answer}, call]
        told = [{"type": "tool_result", "tool_use_id": turn.call, "content": turn.result}]
        yield {**envelope, "type": "user", "uuid": turn.uuid(1), "message": {"content": turn.prompt}}
        message = {**answer, "content": content, "usage": usage}
        yield {**envelope, "type": "assistant", "uuid": turn.uuid(2), "message": message}
        yield {**envelope, "type": "user", "uuid": turn.uuid(3), "message": {"content": told}}


def _copilot(session: str, turns: list[Turn]) -> Lines:
    start = {"sessionId": session, "copilotVersion": "1.0.102", "context": {"cwd": "/garden"}}
    yield {"type": "session.start", "data": start, "timestamp": turns[0].at, "parentId": None}
    for turn in turns:
        key = f"r{turn.number}"
        usage = {"model": "m", "inputTokens": 100, "outputTokens": 50, "apiCallId": key}
        asked = {"toolCallId": turn.call, "name": "bash", "arguments": {"command": turn.command}}
        events = {
            "user.message": {"content": turn.prompt, "transformedContent": turn.prompt},
            "session.usage_record": {"usage": {**usage, "accounting": {"usageId": key}}},
            "assistant.message": {"content": turn.answer, "toolRequests": [asked], "apiCallId": key},
            "tool.execution_start": {
                "toolCallId": turn.call,
                "toolName": "bash",
                "arguments": asked["arguments"],
            },
            "tool.execution_complete": {"toolCallId": turn.call, "result": {"content": turn.result}},
        }
        for number, (kind, data) in enumerate(events.items()):
            yield {
                "type": kind,
                "data": data,
                "id": turn.uuid(number),
                "timestamp": turn.at,
                "parentId": None,
            }


def _pi(session: str, turns: list[Turn]) -> Lines:
    yield {"type": "session", "version": 3, "id": session, "timestamp": turns[0].at, "cwd": "/garden"}
    for turn in turns:
        call = {"type": "toolCall", "id": turn.call, "name": "bash", "arguments": {"command": turn.command}}
        usage = {"input": 100, "output": 50, "cost": {"total": 0.01}}
        messages: list[dict[str, Any]] = [
            {"role": "user", "content": [{"type": "text", "text": turn.prompt}]},
            {"role": "assistant", "content": [{"type": "text", "text": turn.answer}, call], "usage": usage},
            {
                "role": "toolResult",
                "toolCallId": turn.call,
                "content": [{"type": "text", "text": turn.result}],
            },
        ]
        for number, message in enumerate(messages):
            id = f"{turn.number * 4 + number:08x}"
            yield {"type": "message", "id": id, "parentId": None, "timestamp": turn.at, "message": message}


def _qwen(session: str, turns: list[Turn]) -> Lines:
    for turn in turns:
        call = {"functionCall": {"id": turn.call, "name": "sh", "args": {"command": turn.command}}}
        told = {"functionResponse": {"id": turn.call, "name": "sh", "response": {"output": turn.result}}}
        usage = {"promptTokenCount": 100, "candidatesTokenCount": 50, "totalTokenCount": 150}
        messages: list[tuple[str, list[Any], dict[str, Any]]] = [
            ("user", [{"text": turn.prompt}], {}),
            ("assistant", [{"text": turn.answer}, call], {"usageMetadata": usage}),
            ("tool_result", [told], {}),
        ]
        for number, (kind, parts, more) in enumerate(messages):
            envelope = {"uuid": turn.uuid(number), "sessionId": session, "timestamp": turn.at, "type": kind}
            yield {**envelope, "cwd": "/garden", "message": {"parts": parts}, **more}


def _vscode(session: str, turns: list[Turn]) -> Lines:
    yield {"kind": 0, "v": {"version": 3, "sessionId": session, "creationDate": turns[0].ms, "requests": []}}
    for number, turn in enumerate(turns):
        request = {
            "requestId": f"request_{turn.uuid(1)}",
            "timestamp": turn.ms,
            "message": {"text": turn.prompt},
        }
        details = {"input": turn.command, "output": [{"isText": True, "value": turn.result}]}
        part = {"kind": "toolInvocationSerialized", "toolCallId": turn.call, "resultDetails": details}
        call = {"id": turn.call, "name": "sh", "arguments": json.dumps({"command": turn.command})}
        rounds = [{"response": turn.answer, "toolCalls": [call]}]
        result = {"metadata": {"promptTokens": 100, "outputTokens": 50, "toolCallRounds": rounds}}
        yield {"kind": 2, "k": ["requests"], "v": [{**request, "modelId": "copilot/m", "response": []}]}
        yield {"kind": 2, "k": ["requests", number, "response"], "v": [{"value": turn.answer}]}
        yield {"kind": 2, "k": ["requests", number, "response"], "v": [part]}
        yield {"kind": 1, "k": ["requests", number, "result"], "v": result}


def _cline(folder: Path, session: str, turns: list[Turn]) -> tuple[Path, str]:
    messages: list[dict[str, Any]] = []
    for turn in turns:
        call = {"type": "tool_use", "id": turn.call, "name": "sh", "input": {"command": turn.command}}
        asked = {"type": "text", "text": f'<user_input mode="act">{turn.prompt}</user_input>'}
        told = {"type": "tool_result", "tool_use_id": turn.call, "content": turn.result}
        answer = {"content": [{"type": "text", "text": turn.answer}, call], "modelInfo": {"id": "m"}}
        metrics = {"metrics": {"inputTokens": 100, "outputTokens": 50}}
        messages += [
            {"id": turn.uuid(1), "role": "user", "content": [asked], "ts": turn.ms},
            {"id": turn.uuid(2), "role": "assistant", **answer, **metrics, "ts": turn.ms},
            {"id": turn.uuid(3), "role": "user", "content": [told], "ts": turn.ms},
        ]
    document = {"version": 1, "agent": "lead", "sessionId": session, "messages": messages}
    return folder / session / f"{session}.messages.json", json.dumps(document)


MAKERS: dict[str, Maker] = {
    "claude-code": _of_lines(_claude),
    "copilot-cli": _of_lines(_copilot),
    "vscode-chat": _of_lines(_vscode),
    "pi": _of_lines(_pi),
    "qwen-code": _of_lines(_qwen),
    "cline": _cline,
}
