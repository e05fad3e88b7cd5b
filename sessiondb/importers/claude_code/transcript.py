"""A Claude Code transcript while it is being read: its lines sorted into sessions and turned into records."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import Fingerprints, MessageRecord, Record, session_id
from sessiondb.importers.claude_code.lines import Line, Message, gist
from sessiondb.importers.claude_code.prompts import Slot, notice_records, queued_records, turn_records
from sessiondb.importers.claude_code.sessions import AGENT, Session
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TITLE_RANKS = {"custom-title": 4, "agent-name": 3, "ai-title": 2, "summary": 1}
_MOST_SUMMARIES = 64
_AGENTS = "subagents"


class Place:
    """What a file's place says of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.stem = path.name.split(".json")[0]
        self.is_agent_file = self.stem.startswith("agent-") or _AGENTS in path.parts

    @cached_property
    def above(self) -> tuple[str, str | None]:
        """Return the folder of the main transcripts, and the session in whose own folder the file lies."""
        folder = self._path.resolve().parent
        for place in (folder, *folder.parents):
            if place.name == _AGENTS and place.parent.name:
                return str(place.parent.parent), place.parent.name
        return str(folder), None

    @property
    def native_id(self) -> str:
        """Return the id of a session whose lines do not name it: some stores give it to the folder."""
        folder = self._path.resolve().parent.name
        return folder if _UUID.fullmatch(folder) and not _UUID.fullmatch(self.stem) else self.stem

    def has_file_of(self, native_id: str) -> bool:
        """Say whether a session has a file of its own beside this one."""
        return native_id != self.stem and self._path.with_name(f"{native_id}.jsonl").exists()

    def id_of(self, native_id: str) -> str:
        """Return the `sessions.id` of a main session. Resolving a path is slow and rarely needed."""
        return native_id if _UUID.fullmatch(native_id) else session_id(AGENT, native_id, self.above[0])


class Transcript:
    """The sessions of one file. `ready` fills with records as lines are added; `finish` hands over the rest.

    A line belongs to the sub-agent that its `agentId` or its file names, or, as a sidechain written into the
    parent's file, to the chain of `parentUuid` that leads up to it, or else to the session that it names.
    """

    def __init__(self, source: Source) -> None:
        self.ready: list[Record] = []
        self._source = source
        self._place = Place(source.path)
        self._agent = self._place.stem
        self._main: Session | None = None
        self._mains: dict[str, Session] = {}
        self._children: dict[str, Session] = {}
        # Hashes stand for the uuids, of which a large file has millions.
        self._seen: set[int] = set()
        self._chains: dict[int | None, str] = {}
        self._summaries: dict[str, str] = {}
        self._restore(source.state)
        self._fingerprints = Fingerprints(source.state)

    def add(self, line: Line) -> None:
        """Turn a line into records."""
        if line.session_id is not None:
            self._name_as_transcript(line)
        message = line.message
        kind = line.type or (message.role if message else None)
        if message is not None and kind in ("user", "assistant"):
            # What a line is to the sessions of its file:
            #
            #     user, assistant       said in one of them; a uuid that was there before is a copy, and passed over
            #     system, attachment    what the program showed, or what was typed while it worked
            #     *-title, summary      what a session is called; a summary may be of another file's session
            #     cost-state            what the program reckons that a session has cost
            #     others (progress, snapshots, modes)     nothing that is kept; of a sidechain, a link of its chain
            # A line without content says nothing yet: one with the same id may follow that does.
            if message.content is None or not self._is_known(line.uuid):
                self._add_message(line, message, kind)
        elif kind == "system":
            self._add_notice(line)
        elif kind == "attachment":
            self._add_attachment(line)
        elif kind in _TITLE_RANKS:
            self._add_title(line, kind)
        elif kind == "cost-state":
            self._session_of(line).note_cost(line)
        elif line.isSidechain:
            self._session_of(line)

    def finish(self) -> None:
        """Hand over what is still held back, and note for the next import what it needs to know."""
        self._settle_summaries()
        # Another session that begins in the middle of a file goes on from the one before it, unless a fork says
        # where it is from.
        for session in self._mains.values():
            if session.follows is not None and session.parent_id is None:
                session.parent_id, session.relation = session.follows, "continuation"
        sessions = [*self._mains.values(), *self._children.values()]
        for session in sessions:
            session.finish()
        state = self._source.state
        # Hashes of uuids differ from process to process, so that they could not be noted either.
        if self._chains:
            # The lines of a chain do not name it, and its uuids are too many to note: the file is read again.
            state.clear()
            state["whole"] = True
            return
        state["sessions"] = [session.kept() for session in sessions]
        state["main"] = self._main.native_id if self._main else ""
        state["agent"] = self._agent
        if self._summaries:
            state["summaries"] = self._summaries

    def _name_as_transcript(self, line: Line) -> None:
        """Give a line of what the program printed (`--output-format stream-json`) its names in a transcript."""
        line.sessionId = line.sessionId or line.session_id
        line.agentId = line.agentId or line.parent_tool_use_id

    def _restore(self, state: dict[str, Any]) -> None:
        for kept in state.get("sessions", ()):
            session = self._new_session(kept["id"], kept["native_id"])
            session.restore(kept)
            if session.parent_id and self._place.has_file_of(session.native_id):
                # What it has not had when its lines were read here.
                session.leave(session.parent_id)
            group = self._children if session.relation == "subagent" else self._mains
            group[session.native_id] = session
            self._seen.update(map(hash, session.answer_lines))
        self._main = self._mains.get(state.get("main", ""))
        self._agent = state.get("agent", self._agent)
        self._summaries = dict(state.get("summaries", {}))
        self._sought = frozenset(self._summaries)

    def _is_known(self, uuid: str | None) -> bool:
        """Say whether a line was there before, as in a file that was appended to itself, and remember it."""
        if uuid is None:
            return False
        key = hash(uuid)
        if key in self._seen:
            return True
        self._seen.add(key)
        return False

    def _add_message(self, line: Line, message: Message, role: str) -> None:
        session = self._session_of(line)
        stamp = normalise(line.timestamp, self._source.tz)
        session.see(line, stamp)
        if role == "assistant":
            external_id = session.answer_id(line, message) or self._fingerprint(
                line, role, gist(message.content)
            )
            if line.forkedFrom is not None:
                self._note_fork(session, line, external_id)
            session.put_answer(line, message, external_id, stamp)
            return
        external_id = line.uuid or self._fingerprint(line, role, gist(message.content))
        for record in turn_records(Slot(session.id, session.is_child, external_id, stamp), line, message):
            session.put(record)
            if isinstance(record, MessageRecord):
                if line.forkedFrom is not None:
                    self._note_fork(session, line, record.external_id)
                if record.role == "user":
                    session.asked()

    def _add_attachment(self, line: Line) -> None:
        session = self._session_of(line)
        queued = line.attachment
        if queued is None or queued.type != "queued_command":
            return
        # Handed over as a turn of its own, what was queued has a line under this id.
        uuid = queued.source_uuid or line.uuid
        if self._is_known(uuid):
            return
        stamp = normalise(line.timestamp, self._source.tz)
        external_id = uuid or self._fingerprint(line, "queued", repr(queued.prompt))
        records = queued_records(Slot(session.id, session.is_child, external_id, stamp), queued)
        if records:
            session.see(line, stamp)
        for record in records:
            session.put(record)

    def _add_notice(self, line: Line) -> None:
        session = self._session_of(line)
        stamp = normalise(line.timestamp, self._source.tz)
        external_id = line.uuid or self._fingerprint(line, "system", line.subtype, line.content)
        for record in notice_records(Slot(session.id, session.is_child, external_id, stamp), line):
            if not self._is_known(line.uuid):
                session.put(record)

    def _add_title(self, line: Line, kind: str) -> None:
        title = line.customTitle or line.agentName or line.aiTitle or line.summary
        if kind == "summary":
            self._summaries[line.leafUuid or ""] = title or ""
        else:
            self._session_of(line).propose_title(_TITLE_RANKS[kind], title)

    def _settle_summaries(self) -> None:
        """Take the summary of this conversation for its title; those of others may stand in its file."""
        if self._main is None:
            return
        for leaf, summary in list(self._summaries.items()):
            # A summary names the last message of the conversation that it sums up, and is written into the file
            # of the next.
            if not leaf or hash(leaf) in self._seen or self._is_in_earlier_lines(leaf):
                self._main.propose_title(_TITLE_RANKS["summary"], summary)
                del self._summaries[leaf]
        self._summaries = dict(list(self._summaries.items())[-_MOST_SUMMARIES:])

    def _is_in_earlier_lines(self, uuid: str) -> bool:
        if not self._source.start or uuid in self._sought:
            return False
        named = re.compile(rb'"uuid"\s*:\s*"' + re.escape(uuid.encode("utf-8", "replace")) + b'"')
        return any(named.search(line) for line in Source(self._source.path).lines())

    def _fingerprint(self, line: Line, *values: object) -> str:
        return self._fingerprints(line.timestamp, *values)

    def _session_of(self, line: Line) -> Session:
        # The lines of a sub-agent's file bear the id of its parent: the agent's own stands in `agentId`, or in the
        # file's name.
        if self._place.is_agent_file:
            self._agent = line.agentId or self._agent
            parent = self._place.above[1] or line.sessionId
            return self._child(self._agent, None if parent == self._place.stem else parent)
        main = self._main_of(line)
        if line.agentId is not None:
            return self._child(line.agentId, main.native_id)
        return self._chain_of(line, main) if line.isSidechain else main

    def _main_of(self, line: Line) -> Session:
        # One file may hold two sessions: older releases resumed a session under a new id in the file of the old one.
        native_id, main = line.sessionId, self._main
        if main is not None and (native_id is None or native_id == main.native_id):
            return main
        native_id = native_id or self._place.native_id
        known = self._mains.get(native_id)
        if known is not None:
            # Its lines go on: what stood between them had strayed into the file, and does not continue it.
            for other in self._mains.values():
                if other.native_id != self._place.stem:
                    other.leave(known.id)
        self._main = known or self._new_main(native_id, line)
        return self._main

    def _new_main(self, native_id: str, line: Line) -> Session:
        session = self._mains[native_id] = self._new_session(self._place.id_of(native_id), native_id)
        self._note_fork(session, line, None)
        if (
            session.parent_id is None
            and self._main is not None
            and self._main.begun
            and _UUID.fullmatch(native_id)
            and not self._place.has_file_of(native_id)
        ):
            session.follows = self._main.id
        return session

    def _note_fork(self, session: Session, line: Line, external_id: str | None) -> None:
        """Note what a line says of the session that it was copied from, and which message it is."""
        fork = line.forkedFrom
        if fork is None:
            return
        origin = text_or_none(fork.get("sessionId")) if isinstance(fork, dict) else None
        if not origin or origin == session.native_id:
            return
        if session.parent_id is None:
            session.parent_id, session.relation = self._place.id_of(origin), "fork"
        session.forked_at = external_id or session.forked_at

    def _chain_of(self, line: Line, main: Session) -> Session:
        # Older releases write a sub-agent's lines into its parent's file, as chains of parentUuid with no name:
        # each is followed up to its first line, whose uuid names the sub-agent.
        above = hash(line.parentUuid) if line.parentUuid else None
        root = self._chains.get(above, line.uuid or "sidechain")
        self._chains[hash(line.uuid) if line.uuid else None] = root
        session = self._child(root, main.native_id)
        if session.host is None:
            session.host = main
            main.project = main.project or line.cwd
        return session

    def _child(self, native_id: str, parent: str | None) -> Session:
        session = self._children.get(native_id)
        if session is None:
            parent_id = self._place.id_of(parent) if parent else None
            id = session_id(AGENT, native_id, parent_id or self._place.above[0])
            session = self._children[native_id] = self._new_session(id, native_id)
            session.parent_id, session.relation = parent_id, "subagent"
        return session

    def _new_session(self, id: str, native_id: str) -> Session:
        return Session(id, native_id, self.ready, self._source.problem)
