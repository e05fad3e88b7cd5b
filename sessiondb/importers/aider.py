"""Aider's history of a folder, `.aider.chat.history.md`: many runs in one file, written for people to read.

    # aider chat started at 2026-11-28 12:28:23     a run; the time is local
    > Model: m with whole edit format               the program; multiline messages have the mark only once
    #### say the word                               a line that was typed
    The word.                                       the answer
    > Tokens: 771 sent, 9 received. Cost: $0.01 message, $0.02 session.

The program ends its own lines, and those that were typed, in two blanks; by that they are told from the same marks in
an answer. Files that lost the blanks are read as they look.

- What was edited and committed after an answer is a notice.
- A run is a session, known by the file, its time, and which of that second it is; one without a turn is none.
- What was typed may be a command; those that ask the model something (`/ask`) are prompts.
- Numbers of tokens are rounded, and written once for what was asked since the last ones. What was sent has all input.
- `.aider.llm.history` beside it, if Aider was told to write it, has the times of the answers.

Not kept: what the program says beside models, edits and commits, and what its commands print.

Sources: Aider 0.86.2 run against a stub of a model (November 2026), and its io.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.chat.text import clean_text
from sessiondb.errors import ImportFailed
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, session_id
from sessiondb.importers.chat_api.billing import microdollars
from sessiondb.importers.files.limits import MAX_LINE
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import open_bytes, text_lines
from sessiondb.timestamps import normalise

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "aider"
version = 1

HISTORY = ".aider.chat.history.md"
CALLS = ".aider.llm.history"
_STARTED = re.compile(r"# aider chat started at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*\Z")
_MODEL = re.compile(r"> (?:Main )?[Mm]odel: (\S+)(?: with |\s*\Z)")
_VERSION = re.compile(r"> Aider (v\S+)")
_DONE = re.compile(r"> (?:Applied edit to \S|Commit [0-9a-f]{7,40}\b)")
_TOKENS = re.compile(
    r"> Tokens: (?P<sent>\S+) sent(?:, (?P<written>\S+) cache write)?(?:, (?P<read>\S+) cache hit)?, (?P<received>\S+)"
    r" received\.(?: Cost: \$(?P<cost>[\d.]+) message)?"
)
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([kM]?)")
_SIZES = {"": 1, "k": 1000, "M": 1_000_000}
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_ASKING = ("/ask", "/code", "/architect", "/context", "/help", "/chat-mode")
_THINKING = re.compile(r"-{5,}\n► \*\*THINKING\*\*\n(.*?)\n-{5,}\n► \*\*ANSWER\*\*\n?", re.DOTALL)
_CALL = re.compile(r"(TO LLM|LLM RESPONSE) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\s*\Z")
_SAID = "ASSISTANT "
_NOTICE = {"kind": "notice"}


def sniff(sample: Sample) -> int:
    """Look for the first line of a run."""
    head = sample.head.lstrip()
    if head.startswith(b"# aider chat started at "):
        return 2
    return 1 if plain_path(sample.path).name == HISTORY and b"\n# aider chat started at " in head else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the runs that have a turn, from the last one on that was read before: it may have gone on."""
    path = source.path.absolute()
    calls = _Calls(path.with_name(CALLS), source.tz)
    for run in _runs(source):
        found = list(
            _Run(run, f"{path.parent}/{plain_path(path).name}", calls, source.tz).records(str(path.parent))
        )
        if found:
            yield from found


class _Lines(NamedTuple):
    """A run: when it began, which of that second it is, and its lines without what ends them."""

    started: str
    ordinal: int
    lines: list[str]

    @property
    def native_id(self) -> str:
        return self.started if self.ordinal == 1 else f"{self.started}#{self.ordinal}"


def _runs(source: Source) -> Iterator[_Lines]:
    """Yield the runs of a file; what stands before the first is not read."""
    before: list[Any] = source.state.get("before", [None, 0])
    run: _Lines | None = None
    at = source.start
    with open_bytes(source.path) as handle:
        if at:
            handle.seek(at)
        number = source.line
        while raw := handle.readline(MAX_LINE):
            number += 1
            line = clean_text(raw.decode("utf-8", "replace")).rstrip("\r\n")
            started = _STARTED.match(line) if line.startswith("# aider") else None
            # A run begins with its heading after an empty line: one in the middle of an answer is a quotation.
            if started is not None and (run is None or not run.lines or not run.lines[-1]):
                if run is not None:
                    yield run
                    before = [run.started, run.ordinal]
                run = _Lines(started[1], before[1] + 1 if before[0] == started[1] else 1, [])
                # The next import begins here.
                source.end, source.line, source.state["before"] = at, number - 1, before
            elif run is not None:
                run.lines.append(line)
            at += len(raw)
    if run is not None:
        yield run


class _Run:
    """One run on its way to records. Its messages are known by their number in it: the file only grows."""

    def __init__(self, run: _Lines, scope: str, calls: _Calls, tz: tzinfo | None) -> None:
        self._run = run
        self._calls = calls
        self._tz = tz
        self._id = session_id(name, run.native_id, scope)
        self._messages: list[MessageRecord] = []
        self._tokens: list[TokenRecord] = []
        self._model: str | None = None
        self._details: dict[str, Any] = {}
        self._answer: list[str] = []
        self._typed: list[str] = []
        first = next((line for line in run.lines if line.startswith("#### ")), "")
        # Whether the file still has the two blanks that tell what was typed from the same marks in an answer.
        self._is_marked = first.endswith("  ")

    def records(self, project: str) -> list[Record]:
        """Return the records of the run, none where nothing was asked."""
        self._read()
        if not any(message.role in ("user", "assistant") for message in self._messages):
            return []
        started = normalise(self._run.started, self._tz)
        session = SessionRecord(
            self._id,
            name,
            self._run.native_id,
            project=project,
            model=self._model,
            started_at=started,
            last_active_at=max(
                filter(None, (started, *(one.created_at for one in self._messages))), default=None
            ),
            metadata=self._details or None,
        )
        return [session, *self._messages, *self._tokens]

    def _read(self) -> None:
        fence, before = "", ""
        for line in self._run.lines:
            opening = _FENCE.match(line)
            # Within a fence of code nothing is a prompt. One that an answer has left open ends with the line of tokens.
            if fence:
                closes = opening is not None and opening[1].startswith(fence)
                fence = "" if closes or _TOKENS.match(line) else fence
            elif opening is not None and not line.startswith((">", "####")):
                fence = opening[1]
            if not fence and self._is_typed(line, before):
                self._end_answer()
                self._typed.append(line[5:].removesuffix("  ") if self._is_marked else line[5:])
            elif not fence and self._is_programs(line):
                self._end_typed()
                self._end_answer()
                self._program(line)
            else:
                self._end_typed()
                self._answer.append(line)
            before = line
        self._end_typed()
        self._end_answer()

    def _is_typed(self, line: str, before: str) -> bool:
        follows = not before.strip() or bool(self._typed)
        return line.startswith("#### ") and follows and (not self._is_marked or line.endswith("  "))

    def _is_programs(self, line: str) -> bool:
        if not line.startswith("> "):
            return False
        return not self._is_marked or line.endswith("  ")

    def _end_typed(self) -> None:
        typed, self._typed = "\n".join(self._typed), []
        if not typed.strip() or typed == "<blank>":
            return
        # What follows a command such as /ask or /code is a prompt; other commands are for the program.
        is_command = typed.startswith(("/", "!")) and typed.split()[0] not in _ASKING
        self._add("system" if is_command else "user", typed, {"kind": "command"} if is_command else None)

    def _end_answer(self) -> None:
        text, self._answer = "\n".join(self._answer).strip(), []
        if not text or not any(message.role in ("user", "system") for message in self._messages):
            return
        # The history itself has one time a run: those of its messages stand in the other file, by their text.
        asked, answered = self._calls.of(text)
        if asked and self._messages[-1].role == "user":
            self._messages[-1] = self._messages[-1]._replace(created_at=asked)
        thought = _THINKING.search(text)
        said = _THINKING.sub("", text, count=1).strip() if thought else text
        reasoning = thought[1].strip() if thought else None
        self._add(
            "assistant", said or None, None, created_at=answered, reasoning=reasoning, model=self._model
        )

    def _add(self, role: Any, text: str | None, metadata: dict[str, Any] | None, **more: Any) -> None:
        number = str(len(self._messages) + 1)
        self._messages.append(MessageRecord(self._id, role, text, number, metadata=metadata, **more))

    def _program(self, line: str) -> None:
        if model := _MODEL.match(line):
            self._model = model[1]
        elif told := _VERSION.match(line):
            self._details["version"] = [told[1]]
        elif _DONE.match(line):
            self._note(line)
        elif counts := _TOKENS.match(line):
            self._count(counts)

    def _note(self, line: str) -> None:
        """Add to what was done after an answer."""
        text = line[2:].strip()
        last = self._messages[-1] if self._messages else None
        if last is not None and last.metadata == _NOTICE:
            self._messages[-1] = last._replace(content=f"{last.content}\n{text}")
        elif last is not None:
            self._add("system", text, _NOTICE)

    def _count(self, counts: re.Match[str]) -> None:
        sent, written, read, received = (
            _amount(counts[part]) for part in ("sent", "written", "read", "received")
        )
        answer = next((one for one in reversed(self._messages) if one.metadata != _NOTICE), None)
        answer = answer if answer and answer.role == "assistant" else None
        # "sent" is all of the prompt, with what the cache took and gave.
        cached = (written or 0) + (read or 0)
        cost = counts["cost"]
        self._tokens.append(
            TokenRecord(
                self._id,
                f"{self._id}:{len(self._tokens) + 1}",
                input=None if sent is None else max(0, sent - cached),
                cache_read=read,
                cache_write=written,
                output=received,
                cost_microdollars=microdollars(float(cost)) if cost and _AMOUNT.fullmatch(cost) else None,
                model=self._model,
                message=answer.external_id if answer else None,
                counted_at=answer.created_at if answer else None,
            )
        )


def _amount(text: str | None) -> int | None:
    """Return a number as Aider rounds it: 771, 1.2k, 3M."""
    found = _AMOUNT.fullmatch((text or "").replace(",", ""))
    return round(float(found[1]) * _SIZES[found[2]]) if found else None


class _Calls:
    """The times of a file with all that was sent to the model and came back."""

    def __init__(self, path: Path, tz: tzinfo | None) -> None:
        self._path = path
        self._tz = tz
        self._times: dict[str, list[tuple[str | None, str | None]]] | None = None

    def of(self, answer: str) -> tuple[str | None, str | None]:
        """Return when an answer was asked for, and when it came; each is told once, in the order of the file."""
        if self._times is None:
            self._times = {}
            for text, asked, answered in self._answers():
                self._times.setdefault(text, []).append((asked, answered))
        found = self._times.get(answer)
        return found.pop(0) if found else (None, None)

    def _answers(self) -> Iterator[tuple[str, str | None, str | None]]:
        asked = answered = None
        said: list[str] | None = None
        try:
            lines = text_lines(self._path)
        except (OSError, ImportFailed):
            # It says when, of what the log itself says all else.
            return
        # An end of its own, so that the last answer is told as the others are.
        for line in [*lines, "TO LLM 0000-00-00T00:00:00"]:
            call = _CALL.match(line) if line.startswith(("TO LLM ", "LLM RESPONSE ")) else None
            if call is None:
                if said is not None:
                    said.append(line.removeprefix(_SAID))
            elif call[1] == "TO LLM":
                if said is not None:
                    yield "\n".join(said).strip(), asked, answered
                asked, said = normalise(call[2], self._tz), None
            else:
                answered, said = normalise(call[2], self._tz), []
