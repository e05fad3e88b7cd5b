"""Turn the lines of one Codex session into records; see __init__.py for the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import (
    Fingerprints,
    Record,
    SessionRecord,
    TokenRecord,
    inherited_key,
    session_id,
)
from sessiondb.importers.chat_api.billing import service_tier
from sessiondb.importers.codex.items import AGENT, When, said, shape
from sessiondb.importers.codex.lineage import Header, Replay, born, header_record, milliseconds
from sessiondb.importers.codex.lines import Line, Payload
from sessiondb.importers.codex.outbox import Outbox, Prompts
from sessiondb.importers.codex.prompts import (
    authors,
    completed_prompt,
    environment_folder,
    event_prompt,
    injected_record,
    item_prompt,
    markup_kind,
)
from sessiondb.importers.codex.tokens import Usage
from sessiondb.importers.codex.turns import Turns, Work
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

_MOST_UNCOUNTED = 64
_TURN_BEGINS = ("task_started", "turn_started", "user_message")


class Progress(msgspec.Struct):
    """How far a session is read: what the next import of its file must know.

    `uncounted` came before any model was named.
    """

    session: str
    native_id: str
    project: str | None = None
    model: str | None = None
    service_tier: str | None = None
    git_branch: str | None = None
    git_commit: str | None = None
    first: str | None = None
    last: str | None = None
    has_header: bool = False
    is_subagent: bool = False
    is_session: bool = False
    is_inheriting: bool = False
    marks: dict[str, Any] = {}
    prompts: Prompts = msgspec.field(default_factory=Prompts)
    replay: Replay = msgspec.field(default_factory=Replay)
    usage: Usage = msgspec.field(default_factory=Usage)
    work: Work = msgspec.field(default_factory=Work)
    uncounted: list[TokenRecord] = []


class SessionReader:
    """Read a session's lines, from its beginning or from where the last import ended (`source.state`)."""

    def __init__(self, source: Source, native_id: str = "", scope: str = "") -> None:
        if source.state:
            progress = msgspec.convert(source.state, Progress)
        else:
            progress = Progress(session_id(AGENT, native_id, scope), native_id)
        self._source = source
        self._progress = progress
        self._name = Fingerprints(progress.marks)
        self._outbox = Outbox(progress.session, progress.prompts, progress.is_session)
        self._outbox.inherits = progress.is_inheriting
        self._turns = Turns(progress.session, progress.work, self._name, self._outbox)
        self._before_held: tuple[int, int, Any] = (0, 0, {})
        self._handlers = self._all_handlers()
        self._outbox.put(self._record())

    # A log says most things twice: as items, which the model was given and gave, and as events, which a person saw.
    #
    #     what was typed      by the event, where there is one; an item of the user may be anything (outbox.py)
    #     answers, thoughts   by the items; by the events where those are missing (turns.py)
    #     calls of tools      by the items; their answers by the event only where a turn broke off
    #     tokens              by the event, or, since 0.171, by a line of their own that the event repeats
    def _all_handlers(self) -> dict[str, Callable[[Payload, When], None]]:
        """Return what is done with an item of each shape, and with an event of each type."""
        handlers: dict[str, Callable[[Payload, When], None]] = {
            "message": self._message,
            "agent_message": self._agent_message,
            "output": self._turns.answer,
            "compacted": self._compacted,
            "event token_count": self._token_count,
            "token_usage_record": self._usage_record,
            "event thread_name_updated": self._title,
            "event error": self._error,
        }
        handlers |= dict.fromkeys(("reasoning", "call", "unknown"), self._output)
        events = {
            self._typed: "user_message item_completed",
            self._turn_begins: "task_started turn_started",
            self._turn_ends: "task_complete turn_complete turn_aborted",
            self._event_text: "agent_message agent_reasoning agent_reasoning_raw_content",
            self._turns.event_answer: "exec_command_end mcp_tool_call_end patch_apply_end web_search_end"
            " dynamic_tool_call_response",
        }
        for handler, types in events.items():
            handlers |= {f"event {event_type}": handler for event_type in types.split()}
        return handlers

    def _record(self, **known: Any) -> SessionRecord:
        return SessionRecord(self._progress.session, AGENT, self._progress.native_id, **known)

    def take(self, line: Line) -> Iterator[Record]:
        """Read a line; return the records that are settled by now."""
        payload = line.payload
        if payload is None:
            return iter(())
        stamp = normalise(line.timestamp, self._source.tz)
        if line.type == "session_meta":
            self._header(payload, stamp)
        else:
            if not self._is_copy(line, payload, stamp):
                self._note_time(stamp)
            handler = self._handlers.get(_key(line, payload))
            if handler:
                self._handle(handler, line, payload, stamp)
        return self._outbox.ready()

    def _handle(
        self, handler: Callable[[Payload, When], None], line: Line, payload: Payload, stamp: str | None
    ) -> None:
        # Where to go on, should the file end before it is decided what this message is: see `finish`.
        if payload.role == "user" and not self._outbox.holds:
            self._before_held = line.offset, line.number - 1, msgspec.to_builtins(self._progress)
        try:
            handler(payload, When(str(line.timestamp), stamp))
        except RecursionError:
            self._source.problem("nested too deeply")

    def finish(self) -> Iterator[Record]:
        """Yield the rest, and note in the source where the next import goes on."""
        source, progress = self._source, self._progress
        for record in progress.uncounted:
            self._outbox.put(record)
        # They are told once more with the first model that is named.
        del progress.uncounted[:-_MOST_UNCOUNTED]
        if self._outbox.holds and progress.prompts.has_events:
            # A user message without its event may be injected, or a prompt whose event is about to be
            # written.
            self._outbox.drop_held()
            source.end, source.line, state = self._before_held
        else:
            self._outbox.decide()
            self._turns.pause()
            progress.is_session = self._outbox.is_session
            state = msgspec.to_builtins(progress)
        if not self._outbox.is_session:
            # Nobody went on with a fork yet: what it has copied may be nowhere else, and the file is read again.
            source.end = source.line = 0
            source.state.clear()
            yield from self._outbox.inherited()
            return
        source.state.update(state, is_session=True)
        self._outbox.put(self._record(started_at=progress.first, last_active_at=progress.last))
        yield from self._outbox.ready()

    def _is_copy(self, line: Line, payload: Payload, stamp: str | None) -> bool:
        """Say whether a line is a copy of the parent's; take from it what holds for the lines after it."""
        progress = self._progress
        replay = progress.replay
        if line.type == "turn_context":
            replay.turn(payload.turn_id, stamp)
            self._context(payload)
        elif payload.type == "thread_settings_applied" and isinstance(payload.thread_settings, dict):
            self._take_model(text_or_none(payload.thread_settings.get("model")))
            progress.service_tier = service_tier(payload.thread_settings.get("service_tier"))
        elif payload.type in _TURN_BEGINS:
            replay.turn(payload.turn_id, stamp)
        # The model and the settings of a copied turn hold for what follows, so they were taken above; nothing else of
        # it counts.
        is_copy = replay.covers(stamp)
        if self._outbox.inherits and not is_copy:
            # What the copies have left open ends with them.
            self._turns.end()
            self._outbox.decide()
        self._outbox.inherits = progress.is_inheriting = is_copy
        return is_copy

    def _note_time(self, stamp: str | None) -> None:
        progress = self._progress
        if stamp and stamp != progress.last:
            progress.first = min(stamp, progress.first or stamp)
            progress.last = max(stamp, progress.last or stamp)

    def _header(self, header: Header, stamp: str | None) -> None:
        progress = self._progress
        # The first header is the session's. A second one is its parent's, at the head of what was copied from that.
        if progress.has_header:
            progress.replay.copied_header(stamp)
            return
        record = header_record(header, progress.session, progress.native_id)
        started_at = normalise(header.timestamp, self._source.tz) or stamp
        progress.has_header = True
        progress.project = record.project
        progress.is_subagent = record.relation == "subagent"
        progress.replay.has_parent = record.parent_id is not None
        progress.replay.began = milliseconds(started_at) if started_at else 0
        progress.replay.born = born(progress.native_id) or progress.replay.began
        if isinstance(header.git, dict):
            progress.git_branch = text_or_none(header.git.get("branch"))
            progress.git_commit = text_or_none(header.git.get("commit_hash"))
        self._note_time(stamp)
        # Copies do not date a session, and it may have nothing else yet.
        self._outbox.put(record._replace(started_at=stamp) if record.parent_id else record)

    def _context(self, turn: Payload) -> None:
        self._take_model(text_or_none(turn.model))
        if turn.service_tier is not None:
            self._progress.service_tier = service_tier(turn.service_tier)
        self._note_project(text_or_none(turn.cwd))

    def _take_model(self, model: str | None) -> None:
        """Note the model that answers from now on, and that has answered where none was named before."""
        if model is None:
            return
        if model != self._progress.model:
            self._progress.model = model
            self._outbox.put(self._record(model=model))
        # Counts that came before any model was named are priced by the first that is.
        for record in self._progress.uncounted:
            self._outbox.put(record._replace(model=model))
        self._progress.uncounted.clear()

    def _note_project(self, folder: str | None) -> None:
        if folder and not self._progress.project:
            self._progress.project = folder
            self._outbox.put(self._record(project=folder))

    def _title(self, event: Payload, when: When) -> None:
        if title := text_or_none(event.thread_name):
            self._outbox.put(self._record(title=title))

    def _message(self, item: Payload, when: When) -> None:
        if item.role == "assistant":
            self._output(item, when)
            return
        self._turns.end()
        text, parts = said(item.content)
        kind = markup_kind(text)
        # A message of the user's that no event repeats may be the folder, the instructions of the project, or a skill.
        # Newer builds say who wrote each piece; older ones leave it to the shape of the text (markup_kind).
        by = authors(item.internal_chat_message_metadata_passthrough) if item.role == "user" else frozenset()
        if by == {"user"}:
            self._outbox.tell(item_prompt(item), self._name(when.written, "user", text), when.stamp)
            return
        if by and "user" not in by:
            kind = kind or "meta"
        # It may be a prompt or be injected: an event that repeats a prompt tells, and comes next.
        if item.role == "user" and kind is None:
            self._outbox.hear(item_prompt(item), self._name(when.written, "user", text), when.stamp)
            return
        if kind == "environment":
            self._note_project(environment_folder(text))
        self._inject(text, parts, when, kind or "instructions")

    def _inject(self, text: str | None, parts: list[Any] | None, when: When, kind: str) -> None:
        if text or parts:
            name = self._name(when.written, kind, text)
            self._outbox.put(injected_record(text, parts, self._progress.session, name, when.stamp, kind))

    def _typed(self, event: Payload, when: When) -> None:
        prompt = (
            completed_prompt(event.item)
            if event.type == "item_completed"
            else event_prompt(event.message, event.images, event.local_images)
        )
        if prompt is None or markup_kind(prompt.text):
            return
        self._turns.end()
        if not self._outbox.is_known(prompt, event.type):
            self._outbox.ask(prompt, self._name(when.written, "user", prompt.text), when.stamp)

    def _agent_message(self, item: Payload, when: When) -> None:
        """Take what another agent says to this one: the first that a sub-agent hears is its task."""
        text, parts = said(item.content)
        if not text and not parts:
            return
        self._turns.end()
        name = self._name(when.written, "agent_message", text)
        record = injected_record(text, parts, self._progress.session, name, when.stamp, "agent_message")
        people = {"author": item.author, "recipient": item.recipient}
        # Nobody types to a sub-agent: what another agent says first stands for its prompt.
        if self._progress.is_subagent and not self._progress.prompts.any_typed:
            self._outbox.put(record._replace(role="user", metadata=people))
        else:
            self._outbox.put(record._replace(metadata={"kind": "agent_message", **people}))

    def _output(self, item: Payload, when: When) -> None:
        self._turns.output(item, when, self._progress.model)

    def _event_text(self, event: Payload, when: When) -> None:
        self._turns.event_text(event, when, self._progress.model)

    def _token_count(self, event: Payload, when: When) -> None:
        progress = self._progress
        self._count(progress.usage.take(event.info, progress.session, progress.native_id), when)

    def _usage_record(self, line: Payload, when: When) -> None:
        progress = self._progress
        self._count(progress.usage.take_record(line, progress.session, progress.native_id), when)

    def _count(self, record: TokenRecord | None, when: When) -> None:
        if record is None:
            return
        progress = self._progress
        message = self._turns.message
        self._turns.close()
        if self._outbox.inherits:
            record = record._replace(request_key=inherited_key(record.request_key))
        record = record._replace(
            model=progress.model,
            message=message,
            counted_at=when.stamp,
            service_tier=progress.service_tier,
            git_branch=progress.git_branch,
            git_commit=progress.git_commit,
        )
        if progress.model is None:
            progress.uncounted.append(record)
        else:
            self._outbox.put(record)

    def _turn_begins(self, event: Payload, when: When) -> None:
        self._turns.end()

    def _turn_ends(self, event: Payload, when: When) -> None:
        self._turns.end()
        self._outbox.answered()

    def _compacted(self, summary: Payload, when: When) -> None:
        self._turns.end()
        self._inject(text_or_none(summary.message), None, when, "compact_summary")

    def _error(self, event: Payload, when: When) -> None:
        self._turns.close()
        self._inject(text_or_none(event.message), None, when, "notice")


def _key(line: Line, payload: Payload) -> str:
    """Return under which name a line's handler is found."""
    if line.type == "response_item":
        return shape(payload)
    return f"event {payload.type}" if line.type == "event_msg" else str(line.type)
