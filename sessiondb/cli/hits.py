"""Search results as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sessiondb import timestamps
from sessiondb.chat.text import counted, one_line
from sessiondb.cli.colours import has_colours
from sessiondb.cli.render import strong
from sessiondb.records import SearchHit, SearchResult
from sessiondb.records.projects import folder_name

_WHERE = {"note": "note", "session": "title"}


def lines(hits: Iterable[SearchHit], short_ids: Mapping[str, str]) -> Iterator[str]:
    """Yield for each hit its session, what was found there, and how to see it."""
    for number, hit in enumerate(hits):
        if number:
            yield ""
        short_id = short_ids.get(hit.session_id or "", "")
        yield strong(one_line(hit.title or "(no title)"))
        yield f"  {_about(hit, short_id)}"
        yield f"  {_marked(one_line(hit.snippet))}"
        yield f"  {_further(hit, short_id)}"
        if hit.others:
            yield f"  {counted(hit.others, 'more session')} of this conversation: --all lists each"


def remarks(result: SearchResult) -> Iterator[str]:
    """Yield what a reader must know to take a result for what it is."""
    yield from result.remarks
    if not result.hits:
        yield "no results" if not result.total else "no results at this offset"
    elif result.relaxed:
        yield "few sessions contain all the words, so those that contain some of them are listed too"
    if result.truncated:
        yield "a word is so common that only its newest matches were ranked; use --exact to rank them all"
    if result.pending:
        rows = counted(result.pending, "row")
        yield f"{rows} cannot be searched yet: wait for the running import, or run `sessiondb optimize`"


def _about(hit: SearchHit, short_id: str) -> str:
    moment = timestamps.local_text(hit.created_at) if hit.created_at else None
    place = f"#{hit.seq}" if hit.seq is not None else None
    project = folder_name(hit.project) if hit.project else None
    known = (hit.agent, project, moment, short_id, place, hit.role or _WHERE.get(hit.source))
    return " · ".join(one_line(value) for value in known if value)


def _further(hit: SearchHit, short_id: str) -> str:
    more = f"{hit.more:,} more in this session: " if hit.more else ""
    around = f" --around {hit.seq}" if hit.seq is not None else ""
    return f"{more}sessiondb show {short_id}{around}" if short_id else "a note on the project"


def _marked(snippet: str) -> str:
    """Return a snippet with its marked words bold in place of their marks, where there are colours."""
    if not has_colours():
        return snippet
    plain, *marked = snippet.split("«")
    parts = [plain]
    for text in marked:
        word, mark, rest = text.partition("»")
        parts.append(strong(word) + rest if mark else f"«{text}")
    return "".join(parts)
