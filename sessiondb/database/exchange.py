"""How sessions leave a database, and come into it from another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from sessiondb.database.logs import Logs

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sessiondb.exchange.export import Writable
    from sessiondb.records import ExportReport, MergeReport, ResumeCommand, Transcript
    from sessiondb.records.progress import Progress
    from sessiondb.records.sessions import Criteria


class Exchange(Logs):
    """Sessions as files, and databases into each other, as a part of SessionDB."""

    def export(
        self,
        target: str | PathLike[str] | Writable,
        *,
        sessions: Sequence[str] | None = None,
        format: str | None = None,
        redact: bool = False,
        overwrite: bool = True,
        progress: Progress | None = None,
        **criteria: Unpack[Criteria],
    ) -> ExportReport:
        """Write sessions as JSON lines that `import_logs` reads back without loss, as Markdown or HTML.

        `target` is a file, packed if its name ends in .gz and replaced once all is written, or a binary
        stream. `format` is jsonl, md or html; without it the suffix of the file tells, and otherwise it is
        jsonl. HTML is the page of one session, or in a folder a page of each and an index. Without
        `sessions` (ids) or criteria (see SessionFilter) that is all there is, with the notes of projects and
        the tombstones of removed sessions. With `redact`, secrets and personal data are taken out.
        `progress` is called in the phase "write". Raises InvalidInput where the file cannot be written,
        Conflict where it exists and `overwrite` is False, NotFound for a session that is not there.
        """
        from sessiondb.exchange.export import chosen, export_to
        from sessiondb.records import SessionFilter

        ids = chosen(self, sessions, SessionFilter(**criteria))
        return export_to(
            self, target, ids, format=format, redact=redact, overwrite=overwrite, progress=progress
        )

    def transcript(
        self,
        session_id: str,
        *,
        first: int | None = None,
        last: int | None = None,
        subagents: bool = False,
        outline: bool = False,
    ) -> Transcript:
        """Return a session with its tags, notes, and messages from seq `first` to `last`. Raises NotFound.

        A fork's begin with those that it shares with the session it comes from, unless `first` is given.

        With `subagents` it is the whole session, with the tokens of its responses, and below it the transcripts of
        its sub-agents. With `outline` there are the logs it came from, what its responses and the whole of it cost,
        by the log or the table of prices, and of its sub-agents what they were first told.
        """
        from sessiondb.exchange.transcripts import outlined, transcript, with_subagents

        if outline:
            from sessiondb.reports.messages import with_cost

            return with_cost(self.tokens, outlined(self, session_id, first, last))
        return with_subagents(self, session_id) if subagents else transcript(self, session_id, first, last)

    def transcripts(
        self, *, sessions: Sequence[str] | None = None, redact: bool = False, **criteria: Unpack[Criteria]
    ) -> Iterator[Transcript]:
        """Yield sessions by their start, each with its tags, messages and notes, all as of one moment.

        Sessions are chosen, and texts redacted, as in `export`.
        """
        from sessiondb.exchange.export import chosen
        from sessiondb.exchange.transcripts import transcripts
        from sessiondb.records import SessionFilter

        return transcripts(self, chosen(self, sessions, SessionFilter(**criteria)), redact=redact)

    def resume_command(self, session_id: str) -> ResumeCommand:
        """Return the command that goes on with a session in its agent; nothing is run or written.

        Raises NotFound, and InvalidInput where there is none.
        """
        from sessiondb.exchange.resume import resume_command

        return resume_command(self, session_id, self.log_places())

    def write_for_agent(
        self, session_id: str, agent: str | None = None, *, even_there: bool = False
    ) -> ResumeCommand:
        """Write a session's log from the database, and return the command that goes on with it.

        It is written for the session's own agent, or for another one that is handed the conversation. What the agent
        adds to it comes back with an import as the same session, or as its continuation. Nothing is overwritten: where
        the session's own agent has a log of it, `even_there` returns the command. Raises Conflict where it is not
        given, NotFound, and InvalidInput for an agent whose format cannot be written, or where nothing was said.
        """
        from sessiondb.exchange.resume import handed_over_command, written_command

        places = self.log_places()
        if agent is not None:
            return handed_over_command(self, session_id, agent, places)
        return written_command(self, session_id, places, even_there=even_there)

    def merge(
        self, other: str | PathLike[str], *, dry_run: bool = False, progress: Progress | None = None
    ) -> MergeReport:
        """Take in all that another database holds, which is only read.

        A session that both hold becomes the union of the two; what one of them removed stays removed, unless
        it is pinned or was active later in the other. A dry run merges into a copy. `progress` is called in
        the phases "read" and "index", of a dry run "copy" too. Raises DatabaseMissing, DatabaseForeign,
        and InvalidInput for the database itself.
        """
        from sessiondb.exchange.merge import merge

        return merge(self, other, dry_run=dry_run, progress=progress)

    @classmethod
    def merge_into(
        cls,
        path: str | PathLike[str],
        other: str | PathLike[str],
        *,
        progress: Progress | None = None,
    ) -> MergeReport:
        """Take all that another database holds into the file of a path, as `merge` does.

        A file that is not there yet is loaded apart and has its name when it is complete, as by `import_into`.
        """
        from sessiondb.dao.first_load import load_into
        from sessiondb.exchange.merge import merge
        from sessiondb.storage.paths import given_path

        return load_into(given_path(path, "a database"), lambda db: merge(db, other, progress=progress))
