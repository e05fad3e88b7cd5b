"""What keeps a database small, sound and safe: removal, repair, backups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from os import PathLike
from typing import TYPE_CHECKING

from sessiondb.dao.tables import Tables
from sessiondb.storage.connection import TIME_BUDGET
from sessiondb.storage.paths import given_path

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sessiondb.records import Backup, Finding, Optimized, Recovered, Removal, Restored
    from sessiondb.records.progress import Progress
    from sessiondb.records.secrets import SecretsFound
    from sessiondb.records.sessions import Criteria


class Upkeep(Tables):
    """Removal, repair and backups, as a part of SessionDB."""

    def prune(  # noqa: PLR0913
        self,
        older_than: str | date,
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

    def vacuum(self, *, on_log_left: Callable[[], None] | None = None) -> int:
        """Give the space of what was removed back to the disk; return how many bytes that was.

        `on_log_left` is called where readers keep the write-ahead log from being emptied: it takes its space until the
        last of them has ended, and an `optimize` or another vacuum comes.
        """
        from sessiondb.dao.removal import Removals

        return Removals(self.connection).vacuum(on_log_left)

    @staticmethod
    def free_reserve(path: str | PathLike[str]) -> bool:
        """Give up the room that is kept on the disk for removals, where that is about full; say whether it is.

        `remove` and `prune` do it themselves. Call it before a database is opened for them: to open it takes room.
        """
        from sessiondb.storage import reserve

        return reserve.release(given_path(path, "a database"))

    def check(self) -> list[Finding]:
        """Return what is wrong with the database: pages, schema, references, counters, indexes, file modes.

        Nothing is changed, but to check a search index is to write to it: with `read_only` they are passed over.
        """
        from sessiondb.dao.maintenance import Maintenance

        return Maintenance(self.connection).check()

    def repair(self) -> list[Finding]:
        """Repair what can be, and return what is still wrong."""
        from sessiondb.dao.maintenance import Maintenance

        return Maintenance(self.connection).repair()

    def optimize(self, *, progress: Progress | None = None) -> Optimized:
        """Complete and merge the search indexes, and empty the write-ahead log; sessions without a title get one.

        `progress` is called in the phase "index".
        """
        from sessiondb.dao.maintenance import Maintenance

        return Maintenance(self.connection).optimize(progress)

    def backup(self, target: str | PathLike[str]) -> Backup:
        """Copy the database as it is now into a new file, readable by its owner alone; writers go on.

        Raises InvalidInput where the file exists, DatabaseError where it cannot be written.
        """
        from sessiondb.dao.maintenance import Maintenance

        return Maintenance(self.connection).back_up(given_path(target, "a backup"))

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

        return restore(given_path(backup, "a backup"), given_path(path, "a database"), time_budget)

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

        return recover(given_path(damaged, "a database"), given_path(new, "a new database"), progress)
