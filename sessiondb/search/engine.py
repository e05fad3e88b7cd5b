"""Search: what a person typed, to the sessions that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from sessiondb.dao.search.filters import MESSAGES, NOTES, TITLES, TOOLS, Corpus, SearchFilter
from sessiondb.dao.search.marking import snippets
from sessiondb.dao.search.page import About, SearchPage
from sessiondb.dao.search.queries import Order, SearchQueries
from sessiondb.errors import DatabaseBusy, DatabaseDamaged, DatabaseError, InvalidInput
from sessiondb.query import (
    ROLES,
    Choice,
    Filters,
    Query,
    clean,
    explain,
    for_json,
    is_question,
    marked_strings,
    parse,
    ranking,
    tokens,
)
from sessiondb.query.ranking import Group, Hit
from sessiondb.query.snippets import excerpt, marked, one_line
from sessiondb.records import SearchHit, SearchResult
from sessiondb.search.ladder import Found, Ladder, Sort
from sessiondb.storage.connection import Connection

SCOPES = {
    "talk": (MESSAGES, TITLES, NOTES),
    "tools": (TOOLS,),
    "notes": (NOTES,),
    "all": (MESSAGES, TOOLS, TITLES, NOTES),
}
SORTS = ("relevance", "newest", "oldest")


class _Request(NamedTuple):
    """What is looked for, where, and in which order."""

    query: Query
    scope: str
    filters: Filters
    sort: Sort
    is_raw: bool
    further: tuple[Corpus, ...] = ()

    @property
    def corpora(self) -> tuple[Corpus, ...]:
        """Return what can hold a hit: titles and notes were said by no role and no tool."""
        role, tool = self.filters.role, self.filters.tool
        left_out = []
        if role.any_of or tool.any_of:
            left_out += [TITLES, NOTES]
        if "tool" in role.none_of or (role.any_of and "tool" not in role.any_of):
            left_out.append(TOOLS)
        return tuple(corpus for corpus in SCOPES[self.scope] if corpus not in left_out)


class Search:
    """Searches one database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queries = SearchQueries(connection)
        self._pages = SearchPage(connection)

    def __call__(  # noqa: PLR0913
        self,
        text: str,
        *,
        scope: str | None = None,
        agent: str | None = None,
        project: str | None = None,
        role: str | None = None,
        since: str | None = None,
        until: str | None = None,
        sort: str = "relevance",
        flat: bool = False,
        raw: bool = False,
        exact: bool = False,
        limit: int | None = 20,
        offset: int = 0,
    ) -> SearchResult:
        """Search and return a page of hits: the best of each session, or with `flat` every match.

        `text` is in the query language (docs/search.md), with `raw` in that of FTS5. What it says itself
        (`agent:`, `in:`, ...) comes before the arguments. `scope`: talk, tools, notes or all; talk where
        nothing is said, tools where only tools can be meant. `since` and `until` are any times that people
        type. Of a common word only the newest hits are ranked, unless `exact`; the result says so. `limit`
        None means all. No text is an error but in `raw`; InvalidInput is raised for that, and for arguments
        that make no sense.
        """
        named = (agent, project, role, since, until)
        request = self._request(text, scope, named, Sort(sort, exact), raw)
        found = self._find(request)
        groups = found.groups
        if flat:
            groups = ranking.one_by_one(groups, by_score=sort == "relevance")
        page = groups[offset:] if limit is None else groups[offset : offset + limit]
        pending = sum(self._pages.pending(corpus) for corpus in request.corpora)
        hits = self._shown(request, found, page)
        return SearchResult(
            request.query.text,
            hits,
            len(groups),
            found.is_relaxed,
            found.is_truncated,
            pending,
            found.remarks,
            tuple(_explanation(request, found)),
        )

    def explain(self, text: str, **criteria: Any) -> list[str]:
        """Search, and return in lines how the text was understood, and which step found how much.

        `criteria` are the arguments of a search. Raises InvalidInput as a search does.
        """
        return list(self(text, **{**criteria, "limit": 0}).explanation)

    def _request(
        self, text: str, scope: str | None, named: Sequence[str | None], sort: Sort, is_raw: bool
    ) -> _Request:
        if sort.by not in SORTS:
            raise InvalidInput(f"there is no sort order {sort.by!r}: give one of {', '.join(SORTS)}")
        query = Query(clean(text)) if is_raw else parse(text, _is_time)
        filters = _filters(query.filters, *(clean(value) if value else None for value in named))
        implied = "tools" if filters.tool.any_of or filters.role.any_of == ("tool",) else "talk"
        is_implied = implied == "talk" and not (filters.scope or scope or filters.role.any_of or is_raw)
        scope = filters.scope or scope or implied
        if scope not in SCOPES:
            raise InvalidInput(
                f"there is nothing called {scope!r} to search in: give one of {', '.join(SCOPES)}"
            )
        return _Request(query, scope, filters, sort, is_raw, (TOOLS,) if is_implied else ())

    def _find(self, request: _Request) -> Found:
        allowed = SearchFilter(self._connection, request.filters)
        corpora = self._understanding(request) if request.is_raw else request.corpora
        ladder = Ladder(self._queries, corpora, allowed, request.sort, request.further)
        if request.is_raw:
            return ladder.match(request.query.text)
        return ladder.climb(request.query, date.today())

    def _understanding(self, request: _Request) -> list[Corpus]:
        """Return the corpora whose index takes a raw expression: not each has a column of each name."""
        understanding, refusals = [], []
        anything = SearchFilter(self._connection, Filters())
        for corpus in request.corpora:
            try:
                self._queries.scores(
                    corpus, request.query.text, anything, Order(1, is_scored=False), segmented=False
                )
                understanding.append(corpus)
            except (DatabaseBusy, DatabaseDamaged):
                raise
            except DatabaseError as error:
                refusals.append(error)
        if refusals and not understanding:
            reason = refusals[0].__cause__
            raise InvalidInput(
                f"this is not FTS5 syntax: {reason}; without --raw any text will do"
            ) from refusals[0]
        return understanding

    def _shown(self, request: _Request, found: Found, page: Sequence[Group]) -> list[SearchHit]:
        shown = [group.shown for group in page]
        about = self._pages.about({hit.session_id for hit in shown if hit.session_id is not None})
        notes = self._pages.note_projects(hit.row_id for hit in shown if hit.session_id is None)
        lines = self._snippets(request, found, shown)
        return [
            _search_hit(
                group,
                about.get(hit.session_id or "", About(project=notes.get(hit.row_id))),
                lines[hit.source, hit.row_id],
            )
            for group, hit in zip(page, shown, strict=True)
        ]

    def _snippets(self, request: _Request, found: Found, hits: Iterable[Hit]) -> dict[tuple[str, int], str]:
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
                any_of = " OR ".join(strings)
                cut = snippets(corpus, excerpts, for_json(any_of, "arguments") if corpus is TOOLS else any_of)
            for row_id in row_ids:
                by_hand = cut.get(row_id) or marked(" ".join(filter(None, texts[row_id])), request.query)
                shown[corpus.source, row_id] = one_line(by_hand)
        return shown


def _explanation(request: _Request, found: Found) -> Iterator[str]:
    if not request.is_raw:
        yield from explain(request.query)
    yield f"looked in: {request.scope}"
    if not request.is_raw and is_question(request.query):
        yield "a question: any of its words may do"
    more = " or more" if found.is_truncated else ""
    yield f"found by {found.step}: {len(found.groups)}{more}"
    if found.expression:
        yield f"FTS5: {found.expression}"


def _search_hit(group: Group, about: About, snippet: str) -> SearchHit:
    hit = group.shown
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
    )


def _filters(
    typed: Filters,
    agent: str | None,
    project: str | None,
    role: str | None,
    since: str | None,
    until: str | None,
) -> Filters:
    """Return the filters of a query, completed by the arguments, their times as stored timestamps."""
    if role is not None and role.lower() not in ROLES:
        raise InvalidInput(f"there is no role {role!r}: give one of {', '.join(ROLES)}")
    ends = [_span(typed.before)[0]] if typed.before else []
    ends += [_span(typed.until)[1]] if typed.until else []
    ends = ends or ([_end(until)] if until else [])
    after = typed.after or since
    return typed._replace(
        agent=_choice(typed.agent, agent),
        project=_choice(typed.project, project),
        role=_choice(typed.role, role.lower() if role else None),
        after=_span(after)[0] if after else None,
        before=min(ends, default=None),
        until=None,
    )


def _choice(typed: Choice, argument: str | None) -> Choice:
    return typed._replace(any_of=(argument,)) if argument and not typed.any_of else typed


def _span(text: str) -> tuple[str, str]:
    """Return when a time that a person typed begins and ends. Raises InvalidInput."""
    from sessiondb import timestamps

    return timestamps.parse_range(text)


def _end(until: str) -> str:
    """Return where a time ends; a stored timestamp is the end itself."""
    start, end = _span(until)
    return start if start == until else end


def _is_time(text: str) -> bool:
    try:
        _span(text)
    except InvalidInput:
        return False
    return True
