"""A search as it is meant: its words, where they are looked for, and what bounds it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from sessiondb.dao.lookups import whole_project
from sessiondb.dao.search.corpora import MESSAGES, NOTES, TITLES, TOOLS, Corpus
from sessiondb.errors import InvalidInput
from sessiondb.query import CHOICE_FIELDS, ROLES, Choice, Filters, Query, clean, parse
from sessiondb.query.parse import MAX_TERMS, QUOTES
from sessiondb.search.ladder import Sort
from sessiondb.storage.values import one_text

SCOPES = {
    "talk": (MESSAGES, TITLES, NOTES),
    "tools": (TOOLS,),
    "notes": (NOTES,),
    "all": (MESSAGES, TOOLS, TITLES, NOTES),
}
MAX_CHARACTERS = 4000
"""Characters of a query that are looked for: a pasted text of more would take seconds."""

SORTS = ("relevance", "newest", "oldest")


class Request(NamedTuple):
    """What is looked for, where, and in which order; `further` is looked at where the scope says little."""

    query: Query
    scope: str
    filters: Filters
    sort: Sort
    is_raw: bool
    further: tuple[Corpus, ...] = ()
    is_cut: bool = False

    @property
    def wider(self) -> Iterator[tuple[str, Request]]:
        """Yield what may find something where this finds nothing, each with its name."""
        if self.scope != "all":
            yield "with --in all", self._replace(scope="all", further=())
        if self.filters.after or self.filters.before:
            yield "at other times", self._replace(filters=self.filters._replace(after=None, before=None))
        named = [name for name in CHOICE_FIELDS if getattr(self.filters, name)]
        if named:
            fields = {**self.filters._asdict(), **dict.fromkeys(named, Choice())}
            yield f"without {', '.join(named)}", self._replace(filters=Filters(**fields))

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


class Named(NamedTuple):
    """What the arguments of a search say, beside its text; a time is what people type, a datetime or a date."""

    agent: str | None
    project: str | None
    role: str | None
    since: str | date | None
    until: str | date | None

    @property
    def names(self) -> Iterator[str | None]:
        """Yield agent, project and role as SQLite can take them."""
        return (clean(name) if name else None for name in self[:3])


def requested(text: str, scope: str | None, named: Named, sort: Sort, is_raw: bool) -> Request:
    """Return a search as it is meant: what the text says itself comes before the arguments.

    Raises InvalidInput for what makes no sense.
    """
    if sort.by not in SORTS:
        raise InvalidInput(f"unknown sort order {sort.by!r}: give one of {', '.join(SORTS)}")
    text = clean(text)
    is_cut = len(text) > MAX_CHARACTERS and not is_raw
    if is_cut:
        text = _beginning(text)
    query = Query(text) if is_raw else parse(text, _is_time, _is_period)
    filters = _filters(query.filters, named)
    implied = "tools" if filters.tool.any_of or filters.role.any_of == ("tool",) else "talk"
    is_implied = implied == "talk" and not (filters.scope or scope or filters.role.any_of or is_raw)
    scope = filters.scope or scope or implied
    if one_text(scope, "scope") not in SCOPES:
        raise InvalidInput(f"cannot search in {scope!r}: give one of {', '.join(SCOPES)}")
    return Request(query, scope, filters, sort, is_raw, (TOOLS,) if is_implied else (), is_cut)


def left_out(request: Request) -> Iterator[str]:
    """Yield a sentence for what of a query is too much to be searched for, and for one without anything."""
    if request.query.is_empty and not (request.is_raw or request.filters):
        yield "there is nothing to search for: give a word or a field"
    if request.is_cut:
        yield f"only the first {MAX_CHARACTERS:,} characters were searched for"
    if request.query.dropped:
        yield f"only the first {MAX_TERMS} different words were searched for"


def misread(query: Query) -> Iterator[str]:
    """Yield a sentence for each field that was searched for as text, because its value makes no sense."""
    for field in query.misread:
        name, _, value = field.lstrip("-").partition(":")
        done = "was excluded as text" if field.startswith("-") else "was searched for as text"
        yield f"{field.lstrip('-')} {done}: {_hint(name.lower(), value.strip(QUOTES))}"


def _hint(name: str, value: str) -> str:
    """Return what a field takes."""
    if not value:
        return f"{name}: needs a value right after the colon"
    if name == "role":
        return f"the roles are {', '.join(ROLES)}"
    if name != "in":
        return f'{name}: takes a time, such as 30d, yesterday, 2026-03 or "last week"'
    age = f"; after:{value} means since then" if _is_time(value) and not _is_period(value) else ""
    return f"in: takes {', '.join(SCOPES)}, or a day, week, month or year, such as yesterday or 2026-03{age}"


def _filters(typed: Filters, named: Named) -> Filters:
    """Return the filters of a query, completed by the arguments, their times as stored timestamps."""
    (agent, project, role), since, until = named.names, named.since, named.until
    if role is not None and role.lower() not in ROLES:
        raise InvalidInput(f"unknown role {role!r}: give one of {', '.join(ROLES)}")
    ends = [_span(typed.before)[0]] if typed.before else []
    ends += [_span(typed.until)[1]] if typed.until else []
    ends = ends or ([_end(until)] if until else [])
    after = typed.after or since
    starts = [_span(after)[0]] if after else []
    if typed.within:
        start, end = _span(typed.within)
        starts, ends = [*starts, start], [*ends, end]
    return typed._replace(
        agent=_choice(typed.agent, agent),
        project=Choice(*(tuple(map(whole_project, names)) for names in _choice(typed.project, project))),
        role=_choice(typed.role, role.lower() if role else None),
        after=max(starts, default=None),
        before=min(ends, default=None),
        until=None,
        within=None,
    )


def _beginning(text: str) -> str:
    """Return as many whole words of a long text as are looked for; where it has none, as many characters."""
    beginning = text[:MAX_CHARACTERS]
    return beginning.rpartition(" ")[0] or beginning


def _choice(typed: Choice, argument: str | None) -> Choice:
    return typed._replace(any_of=(argument,)) if argument and not typed.any_of else typed


def _span(text: str | date) -> tuple[str, str]:
    """Return when a time that a person typed begins and ends. Raises InvalidInput."""
    from sessiondb import timestamps

    return timestamps.parse_range(text)


def _end(until: str | date) -> str:
    """Return where a time ends; a stored timestamp is the end itself."""
    start, end = _span(until)
    return start if start == until else end


def _is_time(text: str) -> bool:
    try:
        _span(text)
    except InvalidInput:
        return False
    return True


def _is_period(text: str) -> bool:
    """Tell a time that lasts, such as a day, from an instant, such as an age."""
    if not _is_time(text):
        return False
    start, end = _span(text)
    return start < end
