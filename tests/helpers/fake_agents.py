"""Agents as far as their hooks go: where they read them, what they hand over, how long they wait, what they hear.

How each behaves was found with the agents themselves (sessiondb/agents/install/agents.py names the versions). What
would do harm there is an AssertionError here: a Stop that makes an agent go on, output that makes a hook fail.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.helpers.waiting import HANG

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"


class FakeAgent:
    """An agent in a project, with its settings below a home. Its subclasses say how each agent differs."""

    start = "SessionStart"
    turn_end = "Stop"
    end = "SessionEnd"
    compactions: tuple[str, ...] = ("PreCompact", "SubagentStop", "PostCompact")
    forgets_at_compaction = True
    milliseconds = False
    line_key = "command"

    def __init__(self, home: Path, project: Path) -> None:
        self.home, self.project = home, project
        self.turns: list[str] = []

    def settings(self) -> Path:
        """Return the file in which hooks stand."""
        raise NotImplementedError

    def transcript(self) -> Path:
        """Return where the session is written."""
        raise NotImplementedError

    def write(self) -> None:
        """Write the session as far as it has gone."""
        raise NotImplementedError

    def heard(self, event: str, printed: str) -> str:
        """Return what of a hook's output reaches the model."""
        raise NotImplementedError

    def given(self, event: str, **more: str) -> dict[str, Any]:
        """Return what a hook is handed."""
        return {
            "session_id": SESSION,
            "transcript_path": str(self.transcript()),
            "cwd": str(self.project),
            "hook_event_name": event,
            **more,
        }

    def others(self, event: str) -> dict[str, Any]:
        """Return settings with a hook of somebody else, which says hello."""
        hook = {"type": "command", self.line_key: "echo hello from another"}
        return {"hooks": {event: [{"hooks": [hook]}]}}

    def hooks(self, event: str) -> Iterator[tuple[str, float]]:
        """Yield the line of each hook at an event, and the seconds that the agent waits for it."""
        path = self.settings()
        text = path.read_text() if path.exists() else "{}"
        for group in json.loads(text or "{}").get("hooks", {}).get(event, []):
            for hook in group.get("hooks", [group]):
                timeout = hook.get("timeout", hook.get("timeoutSec", 60_000 if self.milliseconds else 60))
                yield hook[self.line_key], timeout / 1000 if self.milliseconds else timeout

    def fire(self, event: str, **more: str) -> str:
        """Call the hooks of an event, and return what reaches the model."""
        heard = []
        for line, seconds in self.hooks(event):
            assert 1 <= seconds <= 60
            done = subprocess.run(
                line,
                shell=True,
                cwd=self.project,
                env=os.environ,
                input=json.dumps(self.given(event, **more)),
                capture_output=True,
                text=True,
                timeout=HANG,  # a busy machine is no reason to fail
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, ""), line
            if "another" not in line:
                heard.append(self.heard(event, done.stdout))
        return "".join(heard)

    def begin(self, source: str) -> str:
        """Start or resume the session."""
        return self.fire(self.start, source=source)

    def turn(self, text: str) -> str:
        """Let a person say something, and the turn end."""
        self.turns.append(text)
        self.write()
        return self.fire(self.turn_end)

    def compact(self) -> str:
        """Compact the context, and return what reaches the model during it and after."""
        heard = "".join(self.fire(event) for event in self.compactions)
        return heard + (self.begin("compact") if self.forgets_at_compaction else "")

    def finish(self) -> str:
        """End the session; end events come once, thrice or never."""
        return "".join(self.fire(self.end) for _ in range(3))


def _nested(printed: str) -> str:
    return str(json.loads(printed)["hookSpecificOutput"]["additionalContext"])


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


class ClaudeCode(FakeAgent):
    """Plain text of SessionStart reaches the model, and what PreCompact prints the compaction's prompt."""

    def settings(self) -> Path:
        return self.home / ".claude" / "settings.json"

    def transcript(self) -> Path:
        return self.home / ".claude" / "projects" / "-quill" / f"{SESSION}.jsonl"

    def write(self) -> None:
        lines = [
            {
                "type": "user",
                "uuid": f"u{number}",
                "parentUuid": f"u{number - 1}" if number else None,
                "sessionId": SESSION,
                "timestamp": f"2026-03-02T08:0{number}:00.000Z",
                "version": "2.1.332",
                "cwd": str(self.project),
                "message": {"role": "user", "content": text},
            }
            for number, text in enumerate(self.turns)
        ]
        _write_lines(self.transcript(), lines)

    def heard(self, event: str, printed: str) -> str:
        assert event in ("SessionStart", "UserPromptSubmit") or not printed, (
            "it would go on, or compact by this"
        )
        return _nested(printed) if printed.startswith("{") else printed


class Codex(FakeAgent):
    """Plain text, or nested JSON; what begins with a brace and is none makes the hook fail."""

    compactions = ("PreCompact", "PostCompact")

    def settings(self) -> Path:
        return self.home / ".codex" / "hooks.json"

    def transcript(self) -> Path:
        day = self.home / ".codex" / "sessions" / "2026" / "03" / "02"
        return day / f"rollout-2026-03-02T08-00-00-{SESSION}.jsonl"

    def write(self) -> None:
        meta = {"id": SESSION, "timestamp": "2026-03-02T08:00:00.000Z", "cwd": str(self.project)}
        lines = [{"timestamp": "2026-03-02T08:00:00.000Z", "type": "session_meta", "payload": meta}]
        for number, text in enumerate(self.turns):
            content = [{"type": "input_text", "text": text}]
            payload = {"type": "message", "role": "user", "content": content}
            stamp = f"2026-03-02T08:0{number}:01.000Z"
            lines.append({"timestamp": stamp, "type": "response_item", "payload": payload})
        _write_lines(self.transcript(), lines)

    def heard(self, event: str, printed: str) -> str:
        assert event == "SessionStart" or not printed, "invalid stop hook JSON output"
        return _nested(printed) if printed.startswith("{") else printed


class GeminiCli(FakeAgent):
    """Nested JSON alone; times are milliseconds; PreCompress comes before every call of the model."""

    turn_end = "AfterAgent"
    compactions = ("PreCompress", "PreCompress")
    forgets_at_compaction = False
    milliseconds = True

    def settings(self) -> Path:
        return self.home / ".gemini" / "settings.json"

    def transcript(self) -> Path:
        return (
            self.home
            / ".gemini"
            / "tmp"
            / "quill"
            / "chats"
            / f"session-2026-03-02T08-00-{SESSION[:8]}.jsonl"
        )

    def write(self) -> None:
        lines: list[dict[str, Any]] = [
            {"sessionId": SESSION, "projectHash": "f" * 64, "startTime": "2026-03-02T08:00:00.000Z"}
        ]
        for number, text in enumerate(self.turns):
            stamp = f"2026-03-02T08:0{number}:01.000Z"
            lines.append({"id": f"m{number}", "timestamp": stamp, "type": "user", "content": text})
        _write_lines(self.transcript(), lines)

    def heard(self, event: str, printed: str) -> str:
        return _nested(printed) if printed else ""


class CopilotCli(FakeAgent):
    """JSON with additionalContext; the event is not in what is handed over; no transcript at the start."""

    start, turn_end, end = "sessionStart", "agentStop", "sessionEnd"
    compactions = ()
    forgets_at_compaction = False
    line_key = "bash"

    def settings(self) -> Path:
        return self.home / ".copilot" / "hooks" / "sessiondb.json"

    def transcript(self) -> Path:
        return self.home / ".copilot" / "session-state" / SESSION / "events.jsonl"

    def others(self, event: str) -> dict[str, Any]:
        return {"version": 1, "hooks": {event: [{"type": "command", "bash": "echo hello from another"}]}}

    def given(self, event: str, **more: str) -> dict[str, Any]:
        given: dict[str, Any] = {
            "sessionId": SESSION,
            "timestamp": 1_772_438_400_000,
            "cwd": str(self.project),
        }
        return given | ({"transcriptPath": str(self.transcript())} if event == self.turn_end else more)

    def write(self) -> None:
        start = {"sessionId": SESSION, "version": 1, "producer": "copilot-agent", "copilotVersion": "1.0.102"}
        start |= {"startTime": "2026-03-02T08:00:00.000Z", "context": {"cwd": str(self.project)}}
        events = [("session.start", start), *(("user.message", {"content": text}) for text in self.turns)]
        lines = [
            {
                "type": kind,
                "data": data,
                "id": f"00000000-0000-4000-8000-{number:012}",
                "timestamp": f"2026-03-02T08:0{number}:00.000Z",
                "parentId": None,
            }
            for number, (kind, data) in enumerate(events)
        ]
        _write_lines(self.transcript(), lines)

    def heard(self, event: str, printed: str) -> str:
        return str(json.loads(printed)["additionalContext"]) if printed else ""


class Cursor(FakeAgent):
    """JSON with additional_context; the folders of its window instead of a current one."""

    start, turn_end, end = "sessionStart", "stop", "sessionEnd"
    compactions = ("preCompact",)
    forgets_at_compaction = False

    def settings(self) -> Path:
        return self.home / ".cursor" / "hooks.json"

    def transcript(self) -> Path:
        return self.home / "none"

    def others(self, event: str) -> dict[str, Any]:
        return {"version": 1, "hooks": {event: [{"command": "echo hello from another"}]}}

    def given(self, event: str, **more: str) -> dict[str, Any]:
        return {
            "conversation_id": SESSION,
            "generation_id": "g1",
            "hook_event_name": event,
            "cursor_version": "2.1.0",
            "workspace_roots": [str(self.project)],
        }

    def write(self) -> None:
        """Cursor keeps its sessions in a database of all windows, which `import auto` reads."""

    def heard(self, event: str, printed: str) -> str:
        return str(json.loads(printed)["additional_context"]) if printed else ""


# What OpenCode does with a plugin: it loads each file of the folder, and calls what the function returns.
_HOST = """
const { readdirSync } = await import("node:fs")
const [folder, directory, sessionID, ...steps] = process.argv.slice(1)
let names = []
try { names = readdirSync(folder).filter((name) => name.endsWith(".js")) } catch {}
const plugins = []
for (const name of names)
  for (const make of Object.values(await import(`file://${folder}/${name}`))) plugins.push(await make({ directory }))
let heard = ""
for (const step of steps) {
  if (step === "chat.message") {
    const output = { message: { id: "msg_1" }, parts: [{ id: "prt_0", type: "text", text: "prompt" }] }
    for (const plugin of plugins) await plugin["chat.message"]?.({ sessionID }, output)
    heard += output.parts.slice(1).map((part) => part.text).join("")
  } else {
    const event = { type: step, properties: { sessionID, info: { id: sessionID } } }
    for (const plugin of plugins) await plugin.event?.({ event })
  }
}
process.stdout.write(heard)
"""


class OpenCode(FakeAgent):
    """A plugin in JavaScript, which Node runs here. Each call is one life of the program."""

    def settings(self) -> Path:
        return self.home / ".config" / "opencode" / "plugins" / "other.js"

    def transcript(self) -> Path:
        return self.home / ".local" / "share" / "opencode" / "opencode.db"

    def play(self, *steps: str) -> str:
        """Let OpenCode live through steps: events, and `chat.message`."""
        node = shutil.which("node")
        assert node is not None
        given = (str(self.settings().parent), str(self.project), f"ses_{SESSION}")
        done = subprocess.run(
            [node, "--input-type=module", "-e", _HOST, "--", *given, *steps],
            cwd=self.project,
            capture_output=True,
            text=True,
            timeout=HANG,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, source: str) -> str:
        return self.play("session.created", "chat.message", "chat.message")

    def turn(self, text: str) -> str:
        self.turns.append(text)
        self.write()
        return self.play("session.idle")

    def compact(self) -> str:
        # What was told before the compaction is lost with it; what is heard first is left out.
        told = self.play("session.created", "chat.message")
        return self.play("chat.message", "session.compacted", "chat.message").removeprefix(told)

    def finish(self) -> str:
        return self.play("session.idle", "session.idle", "session.idle")

    def write(self) -> None:
        path = self.transcript()
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path)
        try:
            connection.executescript(
                "CREATE TABLE IF NOT EXISTS project (id TEXT PRIMARY KEY, worktree TEXT);"
                "CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, project_id TEXT, parent_id TEXT,"
                " directory TEXT, title TEXT, version TEXT, time_created INTEGER, time_updated INTEGER);"
                "CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER,"
                " time_updated INTEGER, data TEXT);"
                "CREATE TABLE IF NOT EXISTS part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT,"
                " time_created INTEGER, time_updated INTEGER, data TEXT);"
            )
            begun = 1_772_438_400_000
            session = (
                f"ses_{SESSION}",
                "p",
                None,
                str(self.project),
                "New session",
                "1.18.33",
                begun,
                begun + 9,
            )
            connection.execute("INSERT OR IGNORE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", session)
            for number, text in enumerate(self.turns):
                at = begun + 1000 * number
                message = json.dumps({"role": "user", "time": {"created": at}})
                row = (f"msg_{number}", session[0], at, at, message)
                connection.execute("INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?, ?)", row)
                part = json.dumps({"type": "text", "text": text})
                parts = (f"prt_{number}", row[0], session[0], at, at, part)
                connection.execute("INSERT OR IGNORE INTO part VALUES (?, ?, ?, ?, ?, ?)", parts)
            connection.commit()
        finally:
            connection.close()


FAKE_AGENTS: dict[str, type[FakeAgent]] = {
    "claude-code": ClaudeCode,
    "codex": Codex,
    "gemini-cli": GeminiCli,
    "copilot-cli": CopilotCli,
    "cursor": Cursor,
    "opencode": OpenCode,
}
