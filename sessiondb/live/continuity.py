"""What the next session must know: keep it, complete it, restore it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import takewhile
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.dao.lookups import normal_path
from sessiondb.dao.notes import Scope
from sessiondb.dao.search.guard import despite_search
from sessiondb.errors import Ambiguous, InvalidInput, NotFound
from sessiondb.live.brief import Brief, followup_order
from sessiondb.records import Knowledge, Note, Session
from sessiondb.storage.values import one_text, row_limit, texts

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables


class Overview(NamedTuple):
    """A session that has notes, and how many."""

    session: Session
    decisions: int
    open_followups: int


class Continuity:
    """Notes as a whole, over `db.notes`, which adds and finds single ones."""

    def __init__(self, db: Tables) -> None:
        self._db = db

    def set_workstreams(
        self,
        workstreams: str | Iterable[str],
        *,
        session_id: str | None = None,
        project: str | PathLike[str] | None = None,
    ) -> list[Note]:
        """Replace the workstreams of a session or a project, and return them in their order; former ones
        stay as history.

        Those that go on in the same order stay as they are. From the first on whose place has changed they
        are noted anew, translations and all; the others are resolved now. Raises NotFound.
        """
        wanted = list(dict.fromkeys(texts(workstreams, "workstreams")))
        scope: dict[str, Any] = {"session_id": session_id, "project": project}

        def write() -> list[Note]:
            current = self._own("workstream", session_id, project)
            going_on = [note for note in current if note.body in wanted]
            # They are in the order in which they were noted. So only a beginning that is as it was can stay; from there
            # on they are noted again, which keeps history as it was.
            in_place = takewhile(lambda pair: pair[0].body == pair[1], zip(going_on, wanted, strict=False))
            kept, known = [note for note, _ in in_place], {note.body: note.translations for note in going_on}
            former = {note.body: note.id for note in current if note not in kept}
            added = [
                self._db.notes.add(
                    "workstream",
                    body,
                    translations=known.get(body),
                    supersedes=former.pop(body, None),
                    **scope,
                )
                for body in wanted[len(kept) :]
            ]
            for note_id in former.values():
                self._db.notes.resolve(note_id)
            return kept + added

        return despite_search(self._db.connection, write)

    def set_summary(
        self,
        text: str | None,
        *,
        session_id: str | None = None,
        project: str | PathLike[str] | None = None,
        translations: Mapping[str, str | None] | None = None,
    ) -> Note | None:
        """Replace the summary of a session, or of a project, and return it; the former one stays as history.

        None, or an empty text, leaves none. The same summary again writes nothing. Raises NotFound.
        """
        scope: dict[str, Any] = {"session_id": session_id, "project": project}

        def write() -> Note | None:
            former: list[int] = []
            for note in self._own("summary", session_id, project):
                if note.body == text and note.translations == dict(translations or {}):
                    return note
                former.append(note.id)
            new = None
            if text is not None and text.strip():
                last = former.pop() if former else None
                new = self._db.notes.add("summary", text, translations=translations, supersedes=last, **scope)
            for note_id in former:
                self._db.notes.resolve(note_id)
            return new

        return despite_search(self._db.connection, write)

    def complete(  # noqa: PLR0913
        self,
        what: int | str,
        *,
        session_id: str | None = None,
        project: str | PathLike[str] | None = None,
        kind: str = "followup",
        first: bool = False,
        resolution: str | None = None,
        status: str = "done",
        author: str | None = None,
    ) -> Note:
        """Mark a follow-up as done, by its id or a part of its text in any of its languages, and return it.

        Upper and lower case are the same. A text is looked for among the open notes of `kind` of the
        session or project, or among all. `kind="question"` answers a question; `resolution` says how,
        `author` who says so, and `status` what else it is than done.
        Raises NotFound where nothing fits, Ambiguous where several do, unless `first` takes the oldest.
        """
        scope = Scope(session_id, project)

        def write() -> Note:
            note_id = what if isinstance(what, int) else self._only(what, kind, scope, first).id
            return self._db.notes.set_status(note_id, status, resolution, author=author)

        return despite_search(self._db.connection, write)

    def restore(
        self, session_id: str | None = None, *, project: str | PathLike[str] | None = None
    ) -> Knowledge:
        """Return what is known of a session, or of a project over all its sessions.

        Without either it is the session active last that has notes, or the project that a note without a
        session was taken of since. Where nothing was noted yet, `is_new` is true and the lists are empty. Of
        a project's workstreams and summaries those of the session that set some last count. Raises
        NotFound for an unknown session id, and DatabaseError where the file cannot be read.
        """
        if session_id is None and project is None:
            session_id, project = self._db.notes.latest_scope()
        if session_id is not None:
            session: Session | None = self._db.sessions.get(session_id)
        elif project is not None:
            session = self._db.sessions.latest(project=project)
        else:
            return Knowledge()
        notes = self._db.notes.find(session_id=session_id, project=project)
        folder = session.project if project is None and session else project
        return _knowledge(session, None if folder is None else normal_path(folder), notes)

    def brief(  # noqa: PLR0913
        self,
        session_id: str | None = None,
        *,
        project: str | PathLike[str] | None = None,
        lang: str = "en",
        headings: Mapping[str, str] | None = None,
        max_tokens: int | None = None,
        now: datetime | None = None,
        numbered: bool = False,
        **sizes: int | None,
    ) -> str:
        """Return what is known as a prompt for the next session, in Markdown; "" where nothing was noted yet.

        Scope and errors are those of `restore`. `lang` chooses the translations, the original text where
        a note has none; headings are English or Arabic, or those of `headings` by the names in
        sessiondb.live.brief. `sizes` say how many to show: decisions=5, failures=3, wins=3, and workstreams,
        questions, followups, all unless told; None is all. To stay within about `max_tokens` (see
        sessiondb.chat.token_estimate) the oldest wins, failures, decisions and so on are left out, and the headings
        say of how many. Follow-ups come by due date; those overdue at `now` are marked. `numbered` puts
        each note's id before it, by which another can supersede it. Raises InvalidInput for an unknown size and
        for one below 0.
        """
        row_limit(max_tokens, "max_tokens")
        brief = Brief(lang, headings, now, sizes, numbered=numbered)
        knowledge = self.restore(session_id, project=project)
        return "" if knowledge.is_new else brief.text(knowledge, max_tokens)

    def sessions(
        self, *, project: str | PathLike[str] | None = None, limit: int | None = 20
    ) -> list[Overview]:
        """Return the sessions that have notes, with their counts, the newest first."""
        counts = self._db.notes.counts(project=project, limit=limit)
        return [Overview(self._db.sessions.get(session_id), *numbers) for session_id, *numbers in counts]

    def _own(self, kind: str, session_id: str | None, project: str | PathLike[str] | None) -> list[Note]:
        """Return the open notes of a session, or those of a project that belong to no session."""
        if session_id is not None:
            self._db.sessions.get(session_id)
        elif project is None:
            raise InvalidInput(f"a {kind} belongs to a session or a project: give one of them")
        notes = self._db.notes.find(
            session_id=session_id, project=None if session_id else project, kind=kind, is_open=True
        )
        return [note for note in notes if note.session_id == session_id]

    def _only(self, text: str, kind: str, scope: Scope, first: bool) -> Note:
        wanted = _folded(one_text(text, "what is completed")).strip()
        if not wanted:
            raise InvalidInput(f"which {kind} is done? give its id, or a part of its text")
        notes = self._db.notes.find(**scope._asdict(), kind=kind, is_open=True)
        found = [note for note in notes if any(wanted in _folded(body) for body in _bodies(note))]
        if not found:
            raise NotFound(f"no open {kind} says {text!r}")
        if len(found) > 1 and not first:
            some = "; ".join(f"{note.id} {note.body!r}" for note in found[:5])
            raise Ambiguous(f"{len(found)} open notes ({kind}) say {text!r}: {some}; give the id of one")
        return found[0]


def _knowledge(session: Session | None, project: str | None, notes: list[Note]) -> Knowledge:
    by_kind: dict[str, list[Note]] = {}
    for note in notes:
        by_kind.setdefault(note.kind, []).append(note)
    moments = [moment for note in notes for moment in (note.created_at, note.resolved_at) if moment]
    return Knowledge(
        session,
        project,
        next(reversed(_current(by_kind, "summary")), None),
        _current(by_kind, "workstream"),
        _open(by_kind, "decision"),
        _unlike(_open(by_kind, "question")),
        _open(by_kind, "failure"),
        _open(by_kind, "win"),
        sorted(_open(by_kind, "followup"), key=followup_order),
        max(moments, default=None),
    )


def _open(by_kind: Mapping[str, list[Note]], kind: str) -> list[Note]:
    return [note for note in by_kind.get(kind, []) if note.status == "open"]


def _current(by_kind: Mapping[str, list[Note]], kind: str) -> list[Note]:
    """Return the open notes of the session that set or cleared some last, and those of no session."""
    of_sessions = [note for note in by_kind.get(kind, []) if note.session_id is not None]
    last = max(of_sessions, key=lambda note: note.resolved_at or note.created_at, default=None)
    latest = None if last is None else last.session_id
    return [note for note in _open(by_kind, kind) if note.session_id in (None, latest)]


def _unlike(notes: list[Note]) -> list[Note]:
    """Return notes without those that say the same as one before them, as several sessions may."""
    first = {note.body: note for note in reversed(notes)}
    return [note for note in notes if first[note.body] is note]


def _bodies(note: Note) -> list[str]:
    return [note.body, *note.translations.values()]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
