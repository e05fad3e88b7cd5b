"""Qwen Code's sessions: `~/.qwen/projects/<folder>/chats/<id>.jsonl`, before that below `~/.qwen/tmp/<hash>`.

A line has Claude Code's envelope (`uuid`, `parentUuid`, `sessionId`, `cwd`, `gitBranch`) around a message of Gemini's
API. Its uuid is unique in the world; a response may come in several lines of one uuid.

- `systemPayload.displayText` is what was typed; what else stands in a user's line was put there. Notices come as
  `user` lines of the subtype `notification`.
- The prompt's tokens include what came from the cache. Whether those of the answer include thoughts depends on the
  server: with OpenAI's API they do, and the total is the sum of both. Lines `ui_telemetry` repeat all counts.
- After a `rewind` the conversation goes on from an earlier message. What was taken back was said, and stays; the next
  message says from where it goes on (`metadata.goes_on_from`).

Not kept: telemetry, snapshots, what a tool showed on the screen beside its answer.

Sources: Qwen Code 0.15.10 run against a stub of a model (November 2026), fixtures of release 0.21.13.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.content import arguments_text, text_or_none, whole, without_payloads
from sessiondb.importers.base import (
    Fingerprints,
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.gemini.messages import Content, response_answer, split
from sessiondb.importers.line_reader import joined, records_of
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "qwen-code"
version = 1

_MOST_FACTS = 16
_MOST_PROMPTS = 5000
_INJECTED = ("<qwen:", "<system-reminder>", "--- Content from referenced files ---")
_SNAPSHOT = "<state_snapshot>"


def sniff(sample: Sample) -> int:
    """Look for a line with Claude Code's envelope and a message of Gemini's."""
    return 2 if any(map(_is_line, sample.lines)) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the sessions of a file, which is mostly one, from `source.start` on."""
    return joined(records_of(source, _Reader(source)))


def _is_line(line: dict[str, Any]) -> bool:
    if "uuid" not in line or "sessionId" not in line:
        return False
    message = object_of(line.get("message"))
    is_message = isinstance(message.get("parts"), list) or message.get("role") == "model"
    return is_message or "systemPayload" in line or "toolCallResult" in line


class _Reader:
    """The lines of a file on their way to records; `source.state` holds what is known of its sessions."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sessions: dict[str, dict[str, Any]] = source.state.setdefault("sessions", {})
        self._name = Fingerprints(source.state)
        self._begun: set[str] = set()

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""
        kind = line.get("type")
        if kind not in ("user", "assistant", "tool_result", "system"):
            self._source.problem("not a line of Qwen Code: no message, and no event")
            return
        known = self._session_of(line)
        at = normalise(line.get("timestamp"), self._source.tz)
        self._note(known, line, at)
        if known["id"] not in self._begun:
            self._begun.add(known["id"])
            yield self._record(known)
        content = split(object_of(line.get("message")).get("parts"))
        if kind == "system":
            yield from self._event(known, line, at)
        elif kind == "assistant":
            yield from self._assistant(known, line, content, at)
        elif kind == "tool_result":
            yield from self._results(known, line, content, at)
        else:
            yield from self._user(known, line, content, at)

    def finish(self) -> Iterator[Record]:
        """Yield what is known of the sessions by now."""
        for known in self._sessions.values():
            if known["id"] not in self._begun:
                continue
            # A title that a person chose holds, whatever the program calls the session later.
            titles = known["titles"]
            chosen = [title for title in titles if title[2]] or titles
            # The folder is the project; only a second one is a fact of its own.
            facts = {key: values for key, values in known["facts"].items() if len(values) > (key == "cwd")}
            yield self._record(
                known,
                project=next(iter(known["facts"].get("cwd", ())), None),
                title=chosen[-1][1] if chosen else None,
                model=known.get("model"),
                started_at=known.get("first"),
                last_active_at=known.get("last"),
                metadata=facts or None,
            )

    def _record(self, known: dict[str, Any], **more: Any) -> SessionRecord:
        return SessionRecord(
            known["id"], name, known["native"], parent_id=known["parent"], relation=known["relation"], **more
        )

    def _session_of(self, line: dict[str, Any]) -> dict[str, Any]:
        folder = str(self._source.path.absolute().parent)
        native = text_or_none(line.get("sessionId")) or plain_path(self._source.path).stem
        agent = text_or_none(line.get("agentId")) if line.get("isSidechain") is True else None
        # Lines of sub-agents stand in the file of the session that began them.
        key = agent or native
        known = self._sessions.get(key)
        if known is None:
            main = session_id(name, native, folder)
            id, parent, relation = main, None, None
            fork = text_or_none(object_of(line.get("forkedFrom")).get("sessionId"))
            if agent:
                id, parent, relation = session_id(name, agent, main), main, "subagent"
            elif fork and fork != native:
                parent, relation = session_id(name, fork, folder), "fork"
            known = {"id": id, "native": key, "parent": parent, "relation": relation}
            self._sessions[key] = {**known, "titles": [], "facts": {}, "prompts": {}, "count": 0}
        return self._sessions[key]

    def _note(self, known: dict[str, Any], line: dict[str, Any], at: str | None) -> None:
        known["count"] += 1
        if at:
            known["first"] = min(at, known.get("first") or at)
            known["last"] = max(at, known.get("last") or at)
        for key, field in (("cwd", "cwd"), ("git_branch", "gitBranch"), ("version", "version")):
            value, values = text_or_none(line.get(field)), known["facts"].setdefault(key, [])
            if value and value not in values and len(values) < _MOST_FACTS:
                values.append(value)

    def _user(
        self, known: dict[str, Any], line: dict[str, Any], content: Content, at: str | None
    ) -> Iterator[Record]:
        yield from self._results(known, line, content, at)
        shown = text_or_none(object_of(line.get("systemPayload")).get("displayText"))
        typed, injected = _apart(content.texts, shown)
        id = self._id(line, "user", typed)
        known["open"] = None
        if line.get("subtype") == "notification":
            text = typed or "\n\n".join(injected)
            yield MessageRecord(known["id"], "system", text, id, at, metadata={"kind": "notice"})
            return
        is_typed = bool(typed or content.rest)
        if injected:
            external_id = f"{id}#context" if is_typed else id
            text = "\n\n".join(injected)
            yield MessageRecord(known["id"], "system", text, external_id, at, metadata={"kind": "meta"})
        if is_typed:
            # Where each prompt stands: a rewind to it takes back the titles that came later.
            if len(known["prompts"]) < _MOST_PROMPTS:
                known["prompts"][id] = known["count"]
            yield MessageRecord(
                known["id"],
                "user",
                typed or None,
                id,
                at,
                parts=content.rest or None,
                metadata=self._origin(known),
            )

    def _origin(self, known: dict[str, Any]) -> dict[str, Any] | None:
        target = known.pop("rewound", None)
        return {"goes_on_from": target} if target else None

    def _assistant(
        self, known: dict[str, Any], line: dict[str, Any], content: Content, at: str | None
    ) -> Iterator[Record]:
        id = self._id(line, "assistant", content.text)
        model = text_or_none(line.get("model"))
        known["model"] = model or known.get("model")
        calls = [
            ToolCallRecord(
                text_or_none(call.get("id")) or f"{id}#{number}",
                text_or_none(call.get("name")),
                arguments_text(without_payloads(call.get("args"))),
            )
            for number, call in enumerate(content.calls, 1)
        ]
        yield MessageRecord(
            known["id"],
            "assistant",
            content.text,
            id,
            at,
            "\n\n".join(content.thoughts) or None,
            content.rest or None,
            model,
            metadata=self._origin(known),
            tool_calls=tuple(calls),
            # An answer may come in several lines under one id, one a block.
            continues=known.get("open") == id,
        )
        known["open"] = id
        yield from self._tokens(known, line, id, model, at)

    def _tokens(
        self, known: dict[str, Any], line: dict[str, Any], id: str, model: str | None, at: str | None
    ) -> Iterator[Record]:
        usage = object_of(line.get("usageMetadata"))
        names = (
            *("promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount"),
            *("thoughtsTokenCount", "totalTokenCount"),
        )
        asked, cached, said, thoughts, total = (whole(usage.get(key)) for key in names)
        if not asked and not said:
            return
        # Some models count what they thought within the output, others beside it: the total tells.
        is_apart = bool(total and thoughts) and total == (asked or 0) + (said or 0) + (thoughts or 0)
        output = (said or 0) + (thoughts or 0) if is_apart else said
        yield TokenRecord(
            known["id"],
            id,
            input=None if asked is None else max(0, asked - (cached or 0)),
            cache_read=cached,
            output=output,
            reasoning=None if thoughts is None else min(thoughts, output or 0),
            model=model,
            message=id,
            counted_at=at,
            git_branch=text_or_none(line.get("gitBranch")),
        )

    def _results(
        self, known: dict[str, Any], line: dict[str, Any], content: Content, at: str | None
    ) -> Iterator[Record]:
        told = object_of(line.get("toolCallResult"))
        for number, response in enumerate(content.responses):
            answer = response_answer(response)
            call_id = text_or_none(response.get("id")) or text_or_none(told.get("callId"))
            status = text_or_none(told.get("status"))
            yield ToolResult(
                known["id"],
                call_id,
                answer.text,
                answer.failed or status in ("error", "cancelled"),
                at,
                text_or_none(response.get("name")),
                f"{self._id(line, 'tool', call_id)}#{number}",
                answer.parts or None,
                {"status": status} if status == "cancelled" else None,
            )

    def _event(self, known: dict[str, Any], line: dict[str, Any], at: str | None) -> Iterator[Record]:
        payload, subtype = object_of(line.get("systemPayload")), line.get("subtype")
        if subtype == "custom_title":
            title = text_or_none(payload.get("customTitle"))
            if title:
                known["titles"].append([known["count"], title, payload.get("titleSource") == "manual"])
        elif subtype == "rewind":
            target = text_or_none(payload.get("targetUuid"))
            known["rewound"] = target
            # What is taken back stays, as the log has it; what follows names where it goes on from.
            place = known["prompts"].get(target)
            if place is not None:
                known["titles"] = [title for title in known["titles"] if title[0] <= place]
        elif subtype == "slash_command":
            said = (text_or_none(item.get("text")) for item in objects_of(payload.get("outputHistoryItems")))
            text = "\n".join(filter(None, said)) or text_or_none(payload.get("rawCommand"))
            yield from self._inject(known, line, text or text_or_none(line.get("content")), "command", at)
        elif subtype == "chat_compression":
            history = objects_of(payload.get("compressedHistory"))
            texts = (text for message in history for text in split(message.get("parts")).texts)
            text = next((text for text in texts if text.lstrip().startswith(_SNAPSHOT)), None)
            yield from self._inject(known, line, text, "compact_summary", at)

    def _inject(
        self, known: dict[str, Any], line: dict[str, Any], text: str | None, kind: str, at: str | None
    ) -> Iterator[Record]:
        if text:
            id = self._id(line, kind, text)
            yield MessageRecord(known["id"], "system", text, id, at, metadata={"kind": kind})

    def _id(self, line: dict[str, Any], *said: object) -> str:
        return text_or_none(line.get("uuid")) or self._name(line.get("timestamp"), *said)


def _apart(texts: list[str], shown: str | None) -> tuple[str, list[str]]:
    """Return what was typed, as the program showed it if that is told, and the texts that it put beside that."""
    if shown is not None:
        return shown, [text for text in texts if text.strip() and text != shown]
    injected = [text for text in texts if text.lstrip().startswith(_INJECTED)]
    return "".join(text for text in texts if text not in injected), injected
