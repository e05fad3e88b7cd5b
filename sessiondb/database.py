"""Open a database file and hand out what works on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sessiondb.dao.tables import Tables
from sessiondb.storage.connection import TIME_BUDGET

if TYPE_CHECKING:
    from datetime import tzinfo

    import sqlite_utils
    from typing_extensions import Unpack

    from sessiondb.dao.hook_log import HookLog
    from sessiondb.errors import DatabaseBusy
    from sessiondb.exchange.export import Writable
    from sessiondb.gateway import Gateway
    from sessiondb.live.continuity import Continuity
    from sessiondb.live.turn import Turn
    from sessiondb.live.workspace import State
    from sessiondb.records import (
        Backup,
        ExplainedFile,
        ExportReport,
        Finding,
        ImportReport,
        MergeReport,
        OnlyCopies,
        Optimized,
        Recovered,
        Removal,
        Restored,
        ResumeCommand,
        Skipped,
        Stats,
        Status,
        Transcript,
        UsageReport,
        WaitingLogs,
    )
    from sessiondb.records.progress import Progress
    from sessiondb.records.secrets import SecretsFound
    from sessiondb.records.sessions import Criteria
    from sessiondb.search.engine import Search

P = ParamSpec("P")
T = TypeVar("T")


class SessionDB(Tables):
    """One database file, as a context manager; safe to share between threads.

    It is made, readable by its owner alone, and brought up to date when it is opened. With `read_only` it
    is neither; without `migrate` an older one is refused, which is for what runs unasked. ":memory:" is a new
    database that is gone when it is closed. A write waits up to `time_budget` seconds for other writers. Raises
    the errors of sessiondb.errors.
    """

    @cached_property
    def search(self) -> Search:
        """Search what was said: `db.search("where are the tests kept?").hits`."""
        from sessiondb.search.engine import Search

        return Search(self.connection)

    def add_tokens(self, session_id: str, **tokens: Any) -> bool:
        """Add the tokens of one API response; see TokenCounts.add."""
        return self.tokens.add(session_id, **tokens)

    def set_tokens(self, session_id: str, request_key: str, **tokens: Any) -> None:
        """Set the tokens of a response, in place of what was counted before; see TokenCounts.set."""
        self.tokens.set(session_id, request_key, **tokens)

    def turn(self, session_id: str) -> AbstractContextManager[Turn]:
        """Write a turn of a session as a whole: `with db.turn(session_id) as turn: turn.append(...)`.

        The block is one transaction: all of it is on disk when it ends, nothing of it when it raises. What
        is written through `db` in the block belongs to it. Other writers wait meanwhile, so call the model
        before it, not in it, and never `await` in it: put the turn into a function and hand that to `run`.
        """
        from sessiondb.live.turn import turn

        return turn(self, session_id)

    def history(
        self,
        session_id: str,
        *,
        limit: int | None = 500,
        max_tokens: int | None = None,
        format: str = "openai",
        extra_fields: bool = True,
    ) -> list[dict[str, Any]]:
        """Return what to send to the model next; see sessiondb.live.history.history."""
        from sessiondb.live.history import history

        return history(
            self, session_id, limit=limit, max_tokens=max_tokens, format=format, extra_fields=extra_fields
        )

    def gateway(self, agent: str, **options: Any) -> Gateway:
        """Return the current session of each chat, under a reset policy; see sessiondb.gateway.Gateway."""
        from sessiondb.gateway import Gateway

        return Gateway(self, agent, **options)

    @cached_property
    def continuity(self) -> Continuity:
        """What the next session must know: restore it, brief a model with it, complete what was open."""
        from sessiondb.live.continuity import Continuity

        return Continuity(self)

    def save(
        self,
        session_id: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        tokens: Mapping[str, int | None] | None = None,
        on_conflict: str = "replace",
    ) -> int:
        """Bring a session to the whole state of an agent, and return how many messages that added.

        See sessiondb.live.workspace.save.
        """
        from sessiondb.live.workspace import save

        return save(self, session_id, messages, tokens, on_conflict)

    def restore(
        self,
        session_id: str | None = None,
        *,
        project: str | PathLike[str] | None = None,
        agent: str | None = None,
        format: str = "openai",
    ) -> State | None:
        """Return messages and token totals of a session, or of a project's newest; None where it has none.

        See sessiondb.live.workspace.restore.
        """
        from sessiondb.live.workspace import restore

        return restore(self, session_id, project, agent, format)

    # The whole file. Each of these is told in full where its flow is; none prints, each returns a record.

    def import_logs(  # noqa: PLR0913
        self,
        *sources: str | PathLike[str],
        agents: Collection[str] = (),
        format: str | None = None,
        tz: tzinfo | str | None = None,
        restore: bool = False,
        redact: str | None = None,
        read_ahead: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Import the logs of agents: files, folders, or "auto" for all places where known agents keep theirs.

        What was imported before is passed over, what has grown is read from where it ended. `agents` are
        those that "auto" stands for; `format` is that of all files, otherwise each is looked into; `tz` is
        the zone of times that name none, by default this machine's; `restore` brings removed sessions back;
        `redact` takes "secrets", or "all" that is secret or personal, out of texts, "off" nothing. Without it, and for
        what is never imported, the user's settings hold (docs/configuration.md). `read_ahead` lets a second process
        read where there are many megabytes. `progress` is called in the phases "read" and "index", of a dry run
        "copy" too: that one imports into a copy of the database, which is gone when it is done. What cannot be read
        is in the report, and stops nothing.
        """
        from sessiondb.ingest.logs import import_logs

        return import_logs(
            self,
            sources,
            agents=agents,
            format=format,
            tz=tz,
            restore=restore,
            redact=redact,
            read_ahead=read_ahead,
            dry_run=dry_run,
            progress=progress,
        )

    @classmethod
    def import_into(
        cls, path: str | PathLike[str], *sources: str | PathLike[str], **options: Any
    ) -> ImportReport:
        """Import logs into the file of a path; `options` are those of import_logs.

        A file that is not there yet is loaded apart and has its name when it is complete, which is faster and writes
        half as much as to open it first; until then nobody sees it. If it is made by others meanwhile, the logs are
        imported into theirs. After a kill there is no file, after Ctrl-C one with what was read so far.
        """
        from sessiondb.ingest.first_load import import_into

        return import_into(Path(path).expanduser(), sources, **options)

    def watch_logs(  # noqa: PLR0913
        self,
        *sources: str | PathLike[str],
        agents: Collection[str] = (),
        format: str | None = None,
        tz: tzinfo | str | None = None,
        restore: bool = False,
        redact: str | None = None,
        interval: float = 2.0,
        wait: Callable[[float], bool] | None = None,
        on_busy: Callable[[DatabaseBusy], None] | None = None,
    ) -> Iterator[ImportReport]:
        """Import logs, then whatever is written to them, and yield a report each time.

        The first report is of all that is there. `interval` is in seconds. `wait` sleeps for so long and
        returns True to end, as `threading.Event().wait` does. Where other writers hold the database for
        longer than the time budget, `on_busy` is called and the files are tried again later; without it
        DatabaseBusy is raised. The rest is as in `import_logs`.
        """
        from sessiondb.ingest.logs import watch_logs

        return watch_logs(
            self,
            sources,
            agents=agents,
            format=format,
            tz=tz,
            restore=restore,
            redact=redact,
            interval=interval,
            wait=wait,
            on_busy=on_busy,
        )

    def waiting_logs(self, *, seconds: float = 0.005, idle: float = 0.0) -> WaitingLogs:
        """Return which logs have changed, or are new, since the last import, by a look that takes so many seconds.

        Only files imported before and the folders that they lie in are looked at. Where the last import is less than
        `idle` seconds ago, nothing is.
        """
        from sessiondb.ingest.freshness import waiting_logs

        return waiting_logs(self, seconds=seconds, idle=idle)

    @staticmethod
    def log_places(agents: Collection[str] = (), *, histories: bool = False) -> dict[str, list[Path]]:
        """Return by agent where "auto" looks for logs, whether there are any or not; for `histories` of prompts, too.

        Raises InvalidInput for an agent whose places are not known.
        """
        from sessiondb.ingest import places

        found = places.known_places(agents)
        for agent, paths in places.prompt_histories(agents).items() if histories else ():
            found[agent] = [*found[agent], *paths]
        return found

    @staticmethod
    def explain_import(*sources: str | PathLike[str]) -> list[ExplainedFile]:
        """Return for each file which format it would be read as, and what all formats say of it; import nothing."""
        from sessiondb.ingest.explain import explain

        return list(explain(sources))

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

    def prune(  # noqa: PLR0913
        self,
        older_than: str,
        *,
        include_open: bool = False,
        include_undated: bool = False,
        keep: int = 0,
        keep_only_copies: bool = False,
        dry_run: bool = False,
        purge: bool = False,
        with_copies: bool = False,
        progress: Progress | None = None,
        **criteria: Unpack[Criteria],
    ) -> Removal:
        """Remove the ended sessions that were not active for an age, or since a time: `90d`, `2026-03`.

        Pinned sessions stay, open ones too unless `include_open`, those that nothing dates but their file unless
        `include_undated`, and the `keep` newest of those that the criteria (see SessionFilter) fit. With
        `keep_only_copies` imported sessions stay whose log is gone, or cannot be reached. Each leaves a
        tombstone, so that no import brings it back; no log is touched. `vacuum` gives the space back to the disk;
        for `purge` and `with_copies` see `remove`. `progress` is called in the phase "remove".
        """
        from sessiondb import timestamps
        from sessiondb.dao.removal import Removals, extent
        from sessiondb.records import SessionFilter

        return Removals(self.connection).prune(
            timestamps.parse_moment(older_than),
            SessionFilter(**criteria),
            include_open=include_open,
            include_undated=include_undated,
            keep=keep,
            keep_only_copies=keep_only_copies,
            dry_run=dry_run,
            purge=extent(purge, with_copies),
            progress=progress,
        )

    def remove(
        self,
        *session_ids: str,
        keep_only_copies: bool = False,
        dry_run: bool = False,
        purge: bool = False,
        with_copies: bool = False,
        progress: Progress | None = None,
    ) -> Removal:
        """Remove sessions by id, whatever their state, with all that hangs on them; each leaves a tombstone.

        A `purge` leaves no byte of their text in the file, writing it anew: no note, no title, no name that only they
        bore, nothing in an index or a free page. What other sessions share with them stays in the way, unless
        `with_copies` takes it from those too. With `keep_only_copies` imported sessions stay whose log is gone, or
        cannot be reached. Raises NotFound and Conflict before anything is removed.
        """
        from sessiondb.dao.removal import Removals, extent

        return Removals(self.connection).remove(
            session_ids,
            keep_only_copies=keep_only_copies,
            dry_run=dry_run,
            purge=extent(purge, with_copies),
            progress=progress,
        )

    def scan_secrets(self, *, purge: bool = False) -> SecretsFound:
        """Look through every text for secrets such as keys, tokens and passwords, and count them by kind and session.

        A `purge` puts `[redacted:KIND]` in their place, in every table and index, and leaves no byte of them in
        the file. What has no shape of a secret and no name of one cannot be found.
        """
        from sessiondb.exchange.secrets import scan

        return scan(self, purge=purge)

    def usage(  # noqa: PLR0913
        self,
        by: str = "daily",
        *,
        cost: str = "both",
        prices: str | PathLike[str] | None = None,
        tz: tzinfo | str | None = None,
        last: int | None = None,
        breakdown: bool | str = False,
        tree: bool = False,
        order: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        trend: int = 0,
        **criteria: Unpack[Criteria],
    ) -> UsageReport:
        """Count tokens, and what they cost, by one of `records.usage.PERIODS`.

        Times come newest first, the rest by cost; `order` asc or desc. `cost` is the log's where it has one and
        else by the table of prices ("both"), or one of them ("log", "table"); `prices` is a file over the table.
        Days are of `tz`, else of this machine's zone. `model`, `branch`, `since` and `until` are those of the
        responses, the other criteria those of their sessions. `last`: only so many last days, weeks or months.
        `breakdown` adds each row by model, or by project, agent or branch where it names that; `tree` puts sub-agents
        below their parents, `trend` adds the cost in each of so many parts of the time. Raises InvalidInput for what
        cannot be read.
        """
        from sessiondb.records import SessionFilter
        from sessiondb.reports.usage import Choice, usage

        model = criteria.pop("model", None)
        part = "model" if breakdown is True else breakdown or None
        choice = Choice(cost, prices, tz, last, part, tree, order, limit, offset, trend)
        return usage(self.connection, by, SessionFilter(**criteria), model, choice)

    def stats(
        self,
        by: str = "agent",
        *,
        limit: int | None = None,
        offset: int = 0,
        **criteria: Unpack[Criteria],
    ) -> Stats:
        """Count by one of `records.statistics.GROUPS`.

        By agent, project, platform, model, tag or month: sessions. By day, weekday or hour of this machine's zone:
        messages. By tool: its calls, with their errors and their time. Of messages and calls, `since` and `until`
        are their own times. Raises InvalidInput for what cannot be read.
        """
        from sessiondb.dao.statistics import Statistics
        from sessiondb.records import SessionFilter

        return Statistics(self.connection).stats(by, SessionFilter(**criteria), limit=limit, offset=offset)

    def status(self) -> Status:
        """Return the state of the database: where it is, how large, what is in it, what waits to be done."""
        from sessiondb.dao.statistics import Statistics

        return Statistics(self.connection).status()

    def import_problems(self) -> list[Skipped]:
        """Return the files and lines that imports could not read, by file."""
        from sessiondb.dao.ledger import Ledger
        from sessiondb.records import Skipped

        troubles = Ledger(self.connection).problems_by_path()
        return [
            Skipped(path, line, reason) for path in sorted(troubles) for line, _, reason in troubles[path]
        ]

    def check(self) -> list[Finding]:
        """Return what is wrong with the database: pages, schema, references, counters, indexes, file modes.

        Nothing is changed, but to check an index is to write to it: the database must not be read-only.
        """
        from sessiondb.dao.maintenance import Maintenance

        return Maintenance(self.connection).check()

    def repair(self) -> list[Finding]:
        """Repair what can be, and return what is still wrong."""
        from sessiondb.dao.maintenance import Maintenance

        return Maintenance(self.connection).repair()

    def backup(self, target: str | PathLike[str]) -> Backup:
        """Copy the database as it is now into a new file, readable by its owner alone; writers go on.

        Raises InvalidInput where the file exists, DatabaseError where it cannot be written.
        """
        from sessiondb.dao.maintenance import Maintenance

        return Maintenance(self.connection).back_up(Path(target))

    @staticmethod
    def recover(
        damaged: str | PathLike[str], new: str | PathLike[str], *, progress: Progress | None = None
    ) -> Recovered:
        """Read what can be read of a damaged file into a new one, readable by its owner alone; nothing writes to the
        damaged one, which nobody may write meanwhile.

        It is read page by page, with its log. What was removed stays removed, search is made anew, and where anything
        is lost, the next import reads all files again. `progress` is called in the phase "recover". Raises
        InvalidInput where the new file exists, DatabaseMissing, DatabaseForeign, and DatabaseError where it cannot be
        written.
        """
        from sessiondb.dao.recovery.recover import recover

        return recover(Path(damaged).expanduser(), Path(new).expanduser(), progress)

    @staticmethod
    def restore_backup(
        backup: str | PathLike[str], path: str | PathLike[str], *, time_budget: float = TIME_BUDGET
    ) -> Restored:
        """Put a backup in the place of a database; what was there before is kept in a file of its own.

        Others may have the database open: it is replaced in one transaction, readers see the backup from their next
        read on, and writers that were open before raise DatabaseError at their next transaction. The backup is
        verified first, and brought up to date. Where the path names no database, or one that SQLite cannot open, it
        gets the backup, and what lay there, with its log, gets another name. Raises DatabaseMissing, DatabaseForeign,
        DatabaseDamaged for a backup that is not sound, DatabaseBusy where others write for longer than `time_budget`
        seconds; nothing is changed then.
        """
        from sessiondb.dao.restoring import restore

        return restore(Path(backup).expanduser(), Path(path).expanduser(), time_budget)

    @staticmethod
    def free_reserve(path: str | PathLike[str]) -> bool:
        """Give up the room that is kept on the disk for removals, where that is about full; say whether it is.

        `remove` and `prune` do it themselves. Call it before a database is opened for them: to open it takes room.
        """
        from sessiondb.storage import reserve

        return reserve.release(Path(path).expanduser())

    def optimize(self, *, progress: Progress | None = None) -> Optimized:
        """Complete and merge the search indexes, and empty the write-ahead log.

        `progress` is called in the phase "index".
        """
        from sessiondb.dao.maintenance import Maintenance

        return Maintenance(self.connection).optimize(progress)

    def vacuum(self, *, on_log_left: Callable[[], None] | None = None) -> int:
        """Give the space of what was removed back to the disk; return how many bytes that was.

        `on_log_left` is called where readers keep the write-ahead log from being emptied: it takes its space until the
        last of them has ended, and an `optimize` or another vacuum comes.
        """
        from sessiondb.dao.removal import Removals

        return Removals(self.connection).vacuum(on_log_left)

    def only_copies(self, session_ids: Collection[str] | None = None) -> OnlyCopies:
        """Return which of some sessions, by default of all, were imported from logs that are gone, or out of reach."""
        from sessiondb.dao.only_copies import only_copies

        return only_copies(self.connection, session_ids)

    def imported_sizes(self, paths: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Return the size in bytes and the time of change (in ns) of some files when they were imported last, by path.

        Those that never were are left out.
        """
        from sessiondb.dao.ledger import Ledger

        entries = Ledger(self.connection).entries(paths)
        return {path: (entry.stat.size, entry.stat.mtime_ns) for path, entry in entries.items()}

    @cached_property
    def hook_log(self) -> HookLog:
        """What hooks have told agents: `latest`."""
        from sessiondb.dao.hook_log import HookLog

        return HookLog(self.connection)

    def names(self, kind: str) -> list[str]:
        """Return the names that sessions have of a kind: agent, project, model, platform or tag; the latest first."""
        from sessiondb.dao.names import Names

        return Names(self.connection).of(kind)

    def unknown_names(self, **criteria: Unpack[Criteria]) -> list[str]:
        """Return a sentence for each name among criteria that no session has, with the nearest that there are."""
        from sessiondb.dao.names import Names
        from sessiondb.records import SessionFilter

        return list(Names(self.connection).unknown(SessionFilter(**criteria)))

    def projects_named(self, name: str) -> list[str]:
        """Return the projects that a name means: that of this very path or name, else all that a filter finds."""
        from sessiondb.dao.names import Names

        return Names(self.connection).projects(name)

    def short_ids(self, session_ids: Iterable[str]) -> dict[str, str]:
        """Return for each id the shortest beginning, of 8 characters or more, that no other session has."""
        from sessiondb.dao.lookups import short_ids

        return short_ids(self.connection, session_ids)

    async def run(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Call a function off the event loop: `await db.run(db.messages.append, id, "user", "Hello")`.

        A transaction belongs to one thread: hand over a function that writes the whole turn. A call that has
        begun is finished, even where the task that waits for it is cancelled.
        """
        import asyncio

        return await asyncio.to_thread(function, *args, **options)

    @cached_property
    def sqlite_utils(self) -> sqlite_utils.Database:
        """The same connection as a sqlite-utils Database, for whatever sessiondb has no method for."""
        import sqlite_utils

        return sqlite_utils.Database(self.connection.sqlite, execute_plugins=False)
