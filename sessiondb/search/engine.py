"""Search: what a person typed, to the sessions that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, Any

from sessiondb.dao.search.corpora import NOTES, TOOLS, Corpus
from sessiondb.dao.search.filters import SearchFilter
from sessiondb.dao.search.newer import NewerQueries
from sessiondb.dao.search.page import About, AboutNote, Marker, SearchPage
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.errors import DatabaseBusy, DatabaseDamaged, DatabaseError, InvalidInput
from sessiondb.query import (
    Choice,
    Filters,
    explain,
    for_json,
    is_question,
    marked_strings,
    ranking,
    tokens,
)
from sessiondb.query.ranking import Group, Hit
from sessiondb.query.snippets import excerpt, marked, one_line
from sessiondb.records import NewerHit, SearchHit, SearchResult
from sessiondb.search.ladder import Found, Ladder, Sort
from sessiondb.search.newer import newer_hits
from sessiondb.search.request import Named, Request, left_out, misread, requested
from sessiondb.search.rows import RowReader
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import page_of

if TYPE_CHECKING:
    from sessiondb.dao.sessions.names import Names


class Search:
    """Searches one database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queries = SearchQueries(connection)
        self._pages = SearchPage(connection)
        self._marker = Marker()

    def __call__(  # noqa: PLR0913
        self,
        text: str,
        *,
        scope: str | None = None,
        agent: str | None = None,
        project: str | None = None,
        role: str | None = None,
        since: str | date | None = None,
        until: str | date | None = None,
        sort: str = "relevance",
        flat: bool = False,
        fold: bool = False,
        raw: bool = False,
        exact: bool = False,
        facets: bool = False,
        limit: int | None = 20,
        offset: int = 0,
    ) -> SearchResult:
        """Search and return a page of hits: the best of each session, or with `flat` every match.

        With `fold`, sub-agents and compactions take one place with the session that they belong to.

        `text` is in the query language (docs/search.md), with `raw` in that of FTS5. What it says itself
        (`agent:`, `in:`, ...) comes before the arguments. `scope`: talk, tools, notes or all; talk where
        nothing is said, tools where only tools can be meant. `since` and `until` are any times that people
        type, a datetime or a date. Of a common word only the newest hits are ranked, unless `exact`; the result
        says so. With `facets`, all hits are counted by agent, project, model, month and role. `limit` None means all.
        No text is an error but in `raw`; InvalidInput is raised for that, and for arguments that make no sense.
        """
        named = Named(agent, project, role, since, until)
        page = page_of(limit, offset)
        request = requested(text, scope, named, Sort(sort, exact), raw)
        # What is found by one statement is read by further ones.
        with self._connection.snapshot():
            readers: dict[Filters, RowReader] = {}
            found = self._find(request, readers)
            # All hits are ranked and grouped first; texts and titles are read for one page alone.
            groups = found.groups
            if fold:
                groups = ranking.folded(groups, self._pages.conversations(group.key for group in groups))
            if flat:
                groups = ranking.one_by_one(groups, by_score=sort == "relevance")
            pending = sum(self._pages.pending(corpus) for corpus in request.corpora)
            hits = self._shown(request, found, groups[page])
            return SearchResult(
                request.query.text,
                hits,
                len(groups),
                found.is_relaxed,
                found.is_truncated,
                pending,
                (
                    *left_out(request),
                    *misread(request.query),
                    *self._unknown(request.filters, found),
                    *found.remarks,
                    *self._hints(request, found, readers),
                ),
                tuple(_explanation(request, found)),
                self._pages.facets(self._queries.shown(groups)) if facets else {},
            )

    def explain(self, text: str, **criteria: Any) -> list[str]:
        """Search, and return in lines how the text was understood, and which step found how much.

        `criteria` are the arguments of a search. Raises InvalidInput as a search does.
        """
        return list(self(text, **{**criteria, "limit": 0}).explanation)

    def newer(self, result: SearchResult) -> dict[int, list[NewerHit]]:
        """Return for hits of a search, by their message's id, where their rare words came up again later.

        That is at most one place in the session and one in another session of the project, the newest.
        """
        return newer_hits(NewerQueries(self._connection), result.query, result.hits)

    def _find(self, request: Request, readers: dict[Filters, RowReader]) -> Found:
        if request.filters not in readers:
            allowed = SearchFilter(self._connection, request.filters)
            readers[request.filters] = RowReader(self._queries, allowed)
        corpora = self._understanding(request) if request.is_raw else request.corpora
        ladder = Ladder(self._queries, corpora, readers[request.filters], request.sort, request.further)
        if request.is_raw:
            return ladder.match(request.query.text)
        return ladder.climb(request.query, date.today())

    def _hints(self, request: Request, found: Found, readers: dict[Filters, RowReader]) -> Iterator[str]:
        """Yield what would find something, where nothing was found."""
        if found.groups or request.is_raw or not request.query.words:
            return
        for name, wider in request.wider:
            sessions = len(self._find(wider, readers).groups)
            if sessions:
                yield f"{sessions:,} found {name}"

    def _unknown(self, filters: Filters, found: Found) -> Iterator[str]:
        """Yield a sentence for each agent, project, model and tag that no session has, and tool that none called."""
        for kind in ("agent", "project", "model", "tag"):
            for value in dict.fromkeys(chain(*getattr(filters, kind))):
                alone: dict[str, Any] = {kind: Choice((value,))}
                # Each alone: two names that exist may have no session in common, which is no slip.
                if not SearchFilter(self._connection, Filters(**alone)).fits_any_session():
                    yield self._names.sentence(kind, value)
        if filters.tool and not found.groups:
            # All calls are read for it: where something was found, there is no need.
            known = {name.lower() for name in self._names.of("tool")}
            unknown = (name for name in chain(*filters.tool) if name.lower() not in known)
            yield from (self._names.sentence("tool", name) for name in unknown)

    @property
    def _names(self) -> Names:
        from sessiondb.dao.sessions.names import Names

        return Names(self._connection)

    def _understanding(self, request: Request) -> list[Corpus]:
        """Return the corpora whose index takes a raw expression: not each has a column of each name."""
        understanding, refusals = [], []
        anything = SearchFilter(self._connection, Filters())
        for corpus in request.corpora:
            try:
                # A trial for one row: FTS5 tells only by running it whether an index has the columns that are named.
                self._queries.scores(
                    corpus, request.query.text, anything, Order(1, is_scored=False), segmented=False
                )
                understanding.append(corpus)
            except (DatabaseBusy, DatabaseDamaged):
                raise
            except DatabaseError as error:
                refusals.append(error)
        # What no index takes is a mistake of the person; what one takes is searched there.
        if refusals and not understanding:
            reason = refusals[0].__cause__
            raise InvalidInput(
                f"this is not FTS5 syntax: {reason}; without --raw any text will do"
            ) from refusals[0]
        return understanding

    def _shown(self, request: Request, found: Found, page: Sequence[Group]) -> list[SearchHit]:
        shown = self._queries.shown(page)
        about = self._pages.about({hit.session_id for hit in shown if hit.session_id is not None})
        notes = self._pages.notes(hit.row_id for hit in shown if hit.source == NOTES.source)
        lines = self._snippets(request, found, shown)
        return [
            _search_hit(
                group,
                hit,
                about.get(hit.session_id or ""),
                notes.get(hit.row_id) if hit.source == NOTES.source else None,
                lines[hit.source, hit.row_id],
            )
            for group, hit in zip(page, shown, strict=True)
        ]

    def _snippets(self, request: Request, found: Found, hits: Iterable[Hit]) -> dict[tuple[str, int], str]:
        """Return the line to show of each hit, by source and row: marked by the index that found it, else by hand."""
        shown: dict[tuple[str, int], str] = {}
        strings = marked_strings(found.expression or "")
        words = [max(tokens(string), key=len) for string in strings]
        hits = list(hits)
        for corpus in dict.fromkeys((*request.corpora, *request.further)):
            row_ids = [hit.row_id for hit in hits if hit.source == corpus.source]
            texts = self._pages.texts(corpus, row_ids) if row_ids else {}
            cut: dict[int, str] = {}
            if texts and strings:
                columns = len(corpus.columns)
                excerpts = {
                    row_id: [excerpt(part, words) for part in parts[:columns]]
                    for row_id, parts in texts.items()
                }
                # In an excerpt any of the words may stand, whatever all of them had to do in the whole.
                any_of = " OR ".join(strings)
                cut = self._marker.snippets(
                    corpus, excerpts, for_json(any_of, "arguments") if corpus is TOOLS else any_of
                )
            for row_id in row_ids:
                by_hand = cut.get(row_id) or marked(" ".join(filter(None, texts[row_id])), request.query)
                shown[corpus.source, row_id] = one_line(by_hand)
        return shown


def _explanation(request: Request, found: Found) -> Iterator[str]:
    if not request.is_raw:
        yield from explain(request.query)
    yield f"looked in: {request.scope}"
    if not request.is_raw and is_question(request.query):
        yield "a question: any of its words may do"
    more = " or more" if found.is_truncated else ""
    yield f"found by {found.step}: {len(found.groups)}{more}"
    if found.expression:
        yield f"FTS5: {found.expression}"


def _search_hit(
    group: Group, hit: Hit, session: About | None, note: AboutNote | None, snippet: str
) -> SearchHit:
    about = session or About(project=note.project if note else None)
    return SearchHit(
        hit.session_id,
        about.title,
        about.agent,
        about.project,
        hit.message_id,
        hit.seq,
        hit.role,
        hit.created_at,
        snippet,
        round(group.score, 4),
        len(group.hits) - 1,
        hit.source,
        about.parent_id,
        group.others,
        hit.row_id if note else None,
        note.status if note else None,
    )
