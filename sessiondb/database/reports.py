"""What is in a database: counts, costs and names."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING

from sessiondb.dao.tables import Tables

if TYPE_CHECKING:
    from datetime import tzinfo

    from typing_extensions import Unpack

    from sessiondb.records import Stats, Status, UsageReport
    from sessiondb.records.sessions import Criteria


class Reports(Tables):
    """Counts, costs and names, as a part of SessionDB."""

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

    def names(self, kind: str) -> list[str]:
        """Return the names that sessions have of a kind: agent, project, model, platform, tag, branch or tool.

        The latest come first, of tools those that were called most.
        """
        from sessiondb.dao.sessions.names import Names

        return Names(self.connection).of(kind)

    def unknown_names(self, **criteria: Unpack[Criteria]) -> list[str]:
        """Return a sentence for each name among criteria that no session has, with the nearest that there are."""
        from sessiondb.dao.sessions.names import Names
        from sessiondb.records import SessionFilter

        return list(Names(self.connection).unknown(SessionFilter(**criteria)))

    def projects_named(self, name: str) -> list[str]:
        """Return the projects that a name means: that of this very path or name, else all that a filter finds."""
        from sessiondb.dao.sessions.names import Names

        return Names(self.connection).projects(name)

    def short_ids(self, session_ids: Iterable[str]) -> dict[str, str]:
        """Return for each id the shortest beginning, of 8 characters or more, that no other session has."""
        from sessiondb.dao.lookups import short_ids

        return short_ids(self.connection, session_ids)
