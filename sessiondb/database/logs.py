"""What a database has to do with the logs of agents: import them, watch them, tell what became of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.dao.tables import Tables

if TYPE_CHECKING:
    from datetime import tzinfo

    from sessiondb.errors import DatabaseBusy
    from sessiondb.records import ExplainedFile, ImportReport, OnlyCopies, Skipped, WaitingLogs
    from sessiondb.records.progress import Progress


class Logs(Tables):
    """The logs of agents, as a part of SessionDB."""

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
        from sessiondb.dao.first_load import load_into
        from sessiondb.ingest.logs import import_logs
        from sessiondb.storage.paths import given_path

        return load_into(given_path(path, "a database"), lambda db: import_logs(db, sources, **options))

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

    def import_problems(self) -> list[Skipped]:
        """Return the files and lines that imports could not read, by file."""
        from sessiondb.dao.ledger import Ledger
        from sessiondb.records import Skipped

        troubles = Ledger(self.connection).problems_by_path()
        return [
            Skipped(path, line, reason) for path in sorted(troubles) for line, _, reason in troubles[path]
        ]

    def imported_sizes(self, paths: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Return the size in bytes and the time of change (in ns) of some files when they were imported last, by path.

        Those that never were are left out.
        """
        from sessiondb.dao.ledger import Ledger

        entries = Ledger(self.connection).entries(paths)
        return {path: (entry.stat.size, entry.stat.mtime_ns) for path, entry in entries.items()}

    def only_copies(self, session_ids: Collection[str] | None = None) -> OnlyCopies:
        """Return which of some sessions, by default of all, were imported from logs that are gone, or out of reach."""
        from sessiondb.dao.only_copies import only_copies

        return only_copies(self.connection, session_ids)
