"""One session of a Claude Code transcript while it is being read, and the answer that is open in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sessiondb.chat.content import without_payloads
from sessiondb.chat.text import clean_text
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
    is_globally_unique,
)
from sessiondb.importers.chat_api.billing import HowAnswered, how_answered
from sessiondb.importers.claude_code.lines import (
    Block,
    Counts,
    Line,
    Message,
    Other,
    Text,
    Thinking,
    ToolAnswer,
    ToolUse,
    Usage,
    joined,
    tool_input,
)
from sessiondb.importers.claude_code.prompts import tool_result
from sessiondb.records.sessions import Relation

AGENT = "claude-code"

# An open answer holds back what follows it, up to this many characters of tool output.
_MOST_HELD = 1_000_000
# Of folders, branches and versions, and of the lines of one answer, this many are remembered.
_MOST_FACTS = 16
_MOST_LINES = 64
_SYNTHETIC = "<synthetic>"
# Calls within an answer that its sums leave out: they are billed beside it, the advisor's by its own model.
_BESIDE = frozenset(("advisor_message", "compaction"))
_KEPT = (
    *("id", "native_id", "parent_id", "relation", "begun", "project", "started_at", "last_active_at"),
    *(
        "title",
        "title_rank",
        "model",
        "facts",
        "answered",
        "answered_as",
        "answer_lines",
        "forked_at",
        "follows",
        "cost",
    ),
)


class Answer:
    """An API response, which comes in several lines, mostly one a block: one row.

    `continues`: its first lines were read by an earlier import, so this is only what came after them.
    """

    def __init__(self, external_id: str, created_at: str | None, model: str | None, continues: bool) -> None:
        self.external_id = external_id
        self.model = None if model == _SYNTHETIC else model
        self._created_at = created_at
        self._is_synthetic = model == _SYNTHETIC
        self._is_error = False
        self._continues = continues
        self._changed = not continues
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._parts: list[Any] = []
        self._calls: list[ToolCallRecord] = []
        self._call_ids: set[str] = set()
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._usage_line: Line | None = None
        self._counted_at: str | None = None

    def add_line(self, line: Line, message: Message, stamp: str | None) -> None:
        """Take what stands around the blocks: the counts too, unless an earlier line has a greater output."""
        self._is_error = self._is_error or bool(line.isApiErrorMessage)
        if message.stop_reason:
            self._finish_reason, self._changed = message.stop_reason, True
        usage = message.usage
        # Each line of a streamed answer repeats the usage so far; the last has the whole of it. Copies under
        # other lines may have less.
        if usage and (not self._usage or (usage.output_tokens or 0) >= (self._usage.output_tokens or 0)):
            # It is dated by the first that tells it, as where the lines come in different imports.
            if not self._usage or (usage.output_tokens or 0) > (self._usage.output_tokens or 0):
                self._counted_at = stamp
            self._usage, self._usage_line = usage, line

    def add_block(self, block: Block) -> None:
        """Add text, thinking, or what is kept as it is."""
        if isinstance(block, Text) and block.text:
            self._texts.append(block.text)
        elif isinstance(block, Thinking) and block.thinking:
            self._thoughts.append(block.thinking)
        elif isinstance(block, Other):
            self._parts.append(without_payloads(block.value))
        else:
            return
        self._changed = True

    def add_call(self, block: ToolUse, arguments: str | None) -> None:
        """Add a tool call, once."""
        if block.id in self._call_ids:
            return
        if block.id is not None:
            self._call_ids.add(block.id)
        self._calls.append(ToolCallRecord(block.id, block.name, arguments))
        self._changed = True

    def records(self, session: str) -> list[Record]:
        """Return the row as far as it has come, if it has changed, and its tokens."""
        found: list[Record] = []
        if self._changed:
            found.append(self._row(session))
            self._changed = False
            if self._continues:
                self._texts, self._thoughts, self._parts, self._calls = [], [], [], []
                self._call_ids.clear()
        if self._usage and self._usage_line and not self._is_synthetic and not self._is_error:
            found += self._tokens(session, self._usage, self._usage_line)
        return found

    def _row(self, session: str) -> MessageRecord:
        return MessageRecord(
            session,
            "assistant",
            joined(self._texts),
            self.external_id,
            self._created_at,
            joined(self._thoughts),
            self._parts or None,
            self.model,
            self._finish_reason,
            {"kind": "api_error"} if self._is_error else None,
            tuple(self._calls),
            self._continues,
        )

    def _tokens(self, session: str, usage: Usage, line: Line) -> list[TokenRecord]:
        """Return the counts of the answer, and of each call within it that its sums leave out."""
        key = self._request_key(session, line)
        cost = None if line.costUSD is None else round(line.costUSD * 1_000_000)
        how = how_answered(usage.service_tier, usage.speed, usage.inference_geo, usage.server_tool_use)
        branch = clean_text(line.gitBranch) if line.gitBranch else None
        found = [self._counts(session, key, usage, cost, how, branch)]
        # The sums of an answer leave out what the program asked beside it, such as a check of the prompt: these
        # were paid for too.
        beside = [call for call in usage.iterations or () if call.type in _BESIDE]
        for number, call in enumerate(beside, 1):
            # Not a part of the message: what its text came to is the output of the answer alone.
            how = HowAnswered(how.service_tier, inference_geo=how.inference_geo)
            counts = self._counts(session, f"{key}:{call.type}:{number}", call, None, how, branch)
            found.append(counts._replace(model=call.model or self.model, message=None))
        return found

    def _request_key(self, session: str, line: Line) -> str:
        """Return what the response is counted by: the provider's id, which replays under other request ids keep."""
        id = line.message.id if line.message else None
        if not id:
            return line.uuid or f"{session}:{self.external_id}"
        if is_globally_unique(id):
            return id
        return f"{id}:{line.requestId}" if line.requestId else self.external_id

    def _counts(
        self, session: str, key: str, counts: Counts, cost: int | None, how: HowAnswered, branch: str | None
    ) -> TokenRecord:
        # Made at once, by place: this is done for every answer, and keywords and _replace take four times as long.
        return TokenRecord(
            session,
            key,
            counts.input_tokens,
            counts.cache_read_input_tokens,
            counts.cache_write,
            counts.output_tokens,
            counts.reasoning,
            cost,
            self.model,
            self.external_id,
            self._counted_at,
            *counts.cache_writes,
            how.service_tier,
            how.speed,
            how.inference_geo,
            how.web_searches,
            how.server_tools,
            branch,
        )


class Session:
    """A session that is being read. Its records go to `ready`; those behind an open answer wait for it."""

    def __init__(self, id: str, native_id: str, ready: list[Record], problem: Callable[[str], None]) -> None:
        self.id = id
        self.native_id = native_id
        self.parent_id: str | None = None
        self.relation: Relation | None = None
        self.forked_at: str | None = None
        # The session that stands before it in the same file, unless that one goes on after it.
        self.follows: str | None = None
        self.host: Session | None = None
        self.begun = False
        self.project: str | None = None
        self.started_at: str | None = None
        self.last_active_at: str | None = None
        self.title: str | None = None
        self.title_rank = 0
        self.model: str | None = None
        self.facts: dict[str, list[str]] = {}
        # What the program itself says that the session has cost.
        self.cost: dict[str, Any] = {}
        self.answered: str | None = None
        self.answered_as: str | None = None
        self.answer_lines: list[str] = []
        self._ready = ready
        self._problem = problem
        self._announced = False
        self._changed = False
        self._envelope: tuple[str | None, str | None, str | None] = (None, None, None)
        self._answer: Answer | None = None
        self._held: list[Record] = []
        self._held_size = 0

    @property
    def is_child(self) -> bool:
        """Say whether this is a sub-agent's session."""
        return self.relation == "subagent"

    def kept(self) -> dict[str, Any]:
        """Return what the next import of the file needs to know, as JSON-able values."""
        return {name: value for name in _KEPT if (value := getattr(self, name))}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up what `kept` returned."""
        for name, value in kept.items():
            setattr(self, name, value)

    def leave(self, id: str) -> None:
        """Do not continue a session: its lines have gone on in the file that both are in, or this one has its own."""
        if self.follows == id:
            self.follows = None
        # So an earlier import has told.
        if (self.relation, self.parent_id) == ("continuation", id):
            self.parent_id, self.relation, self._changed = None, None, True

    def see(self, line: Line, stamp: str | None) -> None:
        """Note the time of a message and where it was said."""
        self._changed = True
        if stamp is not None:
            if self.last_active_at is None or self.started_at is None:
                self.started_at = self.last_active_at = stamp
            elif stamp > self.last_active_at:
                self.last_active_at = stamp
            elif stamp < self.started_at:
                self.started_at = stamp
        envelope = (line.cwd, line.gitBranch, line.version)
        if envelope != self._envelope:
            self._envelope = envelope
            self.project = self.project or line.cwd
            for name, value in zip(("cwd", "git_branch", "version"), envelope, strict=True):
                values = self.facts.setdefault(name, [])
                if value and value not in values and len(values) < _MOST_FACTS:
                    values.append(value)

    def note_cost(self, line: Line) -> None:
        """Note the program's own bill, of which the last one holds."""
        known = {"usd": line.totalCostUSD, "models": without_payloads(line.modelUsage)}
        self.cost = {name: value for name, value in known.items() if value is not None}
        self._changed = True

    def _note_effort(self, effort: str) -> None:
        efforts = self.facts.setdefault("effort", [])
        if effort not in efforts and len(efforts) < _MOST_FACTS:
            efforts.append(effort)

    def propose_title(self, rank: int, title: str | None) -> None:
        """Take a title unless one of a higher rank is there."""
        if title and rank >= self.title_rank:
            self.title, self.title_rank, self._changed = clean_text(title), rank, True

    def put(self, record: Record) -> None:
        """Hand over a record, behind the open answer where there is one."""
        if self._answer is None:
            self._begin()
            self._ready.append(record)
            return
        self._held.append(record)
        # An answer stays open until the next begins, and tool output that comes meanwhile waits behind it: not
        # without bound.
        if isinstance(record, ToolResult) and record.result:
            self._held_size += len(record.result)
            if self._held_size > _MOST_HELD:
                self._hand_over(self._answer)

    def answer_id(self, line: Line, message: Message) -> str | None:
        """Return what an answer is known by: the provider's id of it, or, where others may have that too, its
        first line's, which copies of the line keep.

        Gateways give ids such as `chatcmpl-1`, and some the same one to every answer.
        """
        native_id = message.id
        if native_id is None or is_globally_unique(native_id):
            return native_id or line.uuid
        if native_id == self.answered_as:
            return self.answered
        self.answered_as = native_id
        return line.uuid if line.uuid and is_globally_unique(line.uuid) else native_id

    def asked(self) -> None:
        """Note that a person has spoken: what comes next is another answer, whatever its id."""
        self.answered_as = None

    def put_answer(self, line: Line, message: Message, external_id: str, stamp: str | None) -> None:
        """Add a line to the answer it is part of, which stays open until another answer begins."""
        answer = self._answer
        if answer is None or answer.external_id != external_id:
            self._close()
            answer = self._answer = Answer(external_id, stamp, message.model, external_id == self.answered)
            if external_id != self.answered:
                self.answered, self.answer_lines = external_id, []
        if line.uuid and len(self.answer_lines) < _MOST_LINES:
            self.answer_lines.append(line.uuid)
        self.model = answer.model or self.model
        if line.effort:
            self._note_effort(line.effort)
        answer.add_line(line, message, stamp)
        content = message.content
        for block in [Text(content)] if isinstance(content, str) else content or ():
            if isinstance(block, ToolUse):
                answer.add_call(block, self._arguments(block))
            elif isinstance(block, ToolAnswer):
                self.put(tool_result(self.id, block, line.uuid, stamp))
            else:
                answer.add_block(block)

    def finish(self) -> None:
        """Hand over what is left, and what became known of the session."""
        self._close()
        if not self.begun or not self._changed:
            return
        # One folder is the project; the others are facts of their own.
        facts: dict[str, Any] = {
            name: values for name, values in self.facts.items() if len(values) > (name == "cwd")
        }
        if self.cost:
            facts["cost"] = self.cost
        if self.relation == "fork" and self.forked_at is not None:
            facts |= {"forked_from": self.parent_id, "forked_at": self.forked_at}
        self._ready.append(
            self._record()._replace(
                title=self.title,
                model=self.model,
                last_active_at=self.last_active_at,
                metadata=facts or None,
            )
        )

    def _record(self) -> SessionRecord:
        return SessionRecord(
            self.id,
            AGENT,
            self.native_id,
            project=self.project,
            parent_id=self.parent_id,
            relation=self.relation,
            started_at=self.started_at,
        )

    def _begin(self) -> None:
        if not self._announced:
            if self.host:
                self.host._begin()
            self.begun = self._announced = True
            self._ready.append(self._record())

    def _hand_over(self, answer: Answer) -> None:
        self._begin()
        self._ready += answer.records(self.id)
        self._ready += self._held
        self._held, self._held_size = [], 0

    def _close(self) -> None:
        if self._answer is not None:
            self._hand_over(self._answer)
            self._answer = None

    def _arguments(self, call: ToolUse) -> str | None:
        try:
            return tool_input(call.input)
        except UnicodeDecodeError:
            self._problem("invalid UTF-8: the bytes that are none were replaced by U+FFFD")
            return bytes(call.input).decode("utf-8", "replace")
