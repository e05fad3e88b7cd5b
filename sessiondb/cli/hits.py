"""Search results as text for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from shlex import quote

from sessiondb import timestamps
from sessiondb.chat.text import counted, cut, folded, folder_name, one_line, shown, shown_title, width
from sessiondb.cli.colours import Painter, has_colours, painter, plain
from sessiondb.cli.tables import strong
from sessiondb.records import SearchHit, SearchResult
from sessiondb.records.agents import short_name

_MOST = 2
"""Lines of a snippet on a terminal."""


def lines(hits: Iterable[SearchHit], short_ids: Mapping[str, str]) -> Iterator[str]:
    """Yield for each hit its session, what was found there, and how to see it."""
    for number, hit in enumerate(hits):
        if number:
            yield ""
        short_id = _typed(short_ids.get(hit.session_id or "", ""))
        yield strong(shown_title(hit.title))
        yield f"  {_about(hit, short_id)}"
        yield f"  {_marked(one_line(hit.snippet))}"
        yield f"  {_further(hit, short_id)}"
        if hit.others:
            yield f"  {counted(hit.others, 'more session')} of this conversation: --all lists them"


def drawn(hits: Iterable[SearchHit], short_ids: Mapping[str, str], columns: int) -> Iterator[list[str]]:
    """Yield for each hit the lines of a terminal: its session, what was found there, and how to read and resume it."""
    paint = painter()
    for hit in hits:
        short_id = _typed(short_ids.get(hit.session_id or "", ""))
        about = cut(_when(hit), max(columns - 20, 12))
        title = cut(shown_title(hit.title), columns - width(about) - 2)
        space = " " * max(columns - width(title) - width(about), 2)
        text = _wrapped(one_line(hit.snippet), columns - 2, width if paint is plain else _marked_width)
        block = [f"{paint(title, 'strong')}{space}{paint(about, 'dim')}"]
        block += [f"  {line}" for line in _painted(text, paint)]
        block += [f"  {line}" for line in _ways(hit, short_id, columns - 2, paint)]
        yield block


def fitting(blocks: Iterable[list[str]], lines: int) -> Iterator[list[str]]:
    """Yield those of the blocks, from the first one on, for which there are so many lines; one at least."""
    taken = 0
    for block in blocks:
        taken += len(block) + bool(taken)
        if taken > lines and taken > len(block):
            return
        yield block


def _typed(id: str) -> str:
    """Return an id as it is typed in a shell: a log may give a session any."""
    return (
        id
        if id.isascii() and id.replace("-", "").replace("_", "").isalnum()
        else shown(quote(id) if id else id)
    )


def _when(hit: SearchHit) -> str:
    """Return of which agent and project a hit is, how old, and the note that it is."""
    moment = timestamps.relative_text(hit.created_at) if hit.created_at else None
    project = folder_name(hit.project) if hit.project else None
    agent = short_name(hit.agent) if hit.agent else None
    return " · ".join(one_line(value) for value in (agent, project, moment, _note(hit)) if value)


def _ways(hit: SearchHit, short_id: str, columns: int, paint: Painter) -> list[str]:
    """Return the commands that read and resume the session of a hit, and what else is there, on a line or two."""
    if not short_id:
        return [paint("a note on the project", "dim")]
    around = f" --around {hit.seq}" if hit.seq is not None else ""
    show, resume = f"sessiondb show {short_id}{around}", f"sessiondb resume {short_id}"
    more = [f"+{hit.more:,} here"] if hit.more else []
    more += [f"+{counted(hit.others, 'session')} (--all)"] if hit.others else []
    commands = " · ".join((show, resume))
    rest = " · ".join(more)
    room = columns - width(commands) - 3
    line = " · ".join((paint(show, "id"), paint(resume, "id")))
    if not rest:
        return [line]
    return [f"{line}{paint(f' · {rest}', 'dim')}"] if width(rest) <= room else [line, paint(rest, "dim")]


def _wrapped(text: str, columns: int, measure: Callable[[str], int]) -> list[str]:
    """Return a text on two lines at most, broken between words where there are any."""
    lines = [""]
    for word in text.split(" "):
        # A word of another script, or a path, may be longer than a line.
        for piece in folded(word, columns) if width(word) > columns else (word,):
            longer = f"{lines[-1]} {piece}" if lines[-1] else piece
            if measure(longer) > columns:
                lines.append(piece)
            else:
                lines[-1] = longer
    if len(lines) > _MOST:
        lines[_MOST - 1] = cut(f"{lines[_MOST - 1]} {lines[_MOST]}", columns)
    return lines[:_MOST]


def _marked_width(text: str) -> int:
    """Return the columns that a text takes whose marks become colours."""
    return width(text.replace("«", "").replace("»", ""))


def _painted(lines: Iterable[str], paint: Painter) -> Iterator[str]:
    """Yield lines with the marked words painted, in place of their marks where there are colours.

    A mark that is opened on one line may be closed on the next.
    """
    if paint is plain:
        yield from lines
        return
    is_marked = False
    for line in lines:
        shown = ""
        for part in re.split("([«»])", line):
            if part in ("«", "»"):
                is_marked = part == "«"
            else:
                shown += paint(part, "mark") if is_marked else part
        yield shown


def remarks(result: SearchResult) -> Iterator[str]:
    """Yield what a reader must know to take a result for what it is."""
    yield from result.remarks
    if not result.hits:
        yield "no results" if not result.total else "no results at this offset"
    elif result.relaxed:
        yield "few sessions contain all the words; those with some of them are listed too"
    if result.truncated:
        yield "of so many matches only the newest, or the best, were ranked; use --exact to rank them all"
    if result.pending:
        rows = counted(result.pending, "row")
        yield f"{rows} cannot be searched yet: wait for the running import, or run `sessiondb optimize`"


def _about(hit: SearchHit, short_id: str) -> str:
    moment = timestamps.local_text(hit.created_at) if hit.created_at else None
    place = f"#{hit.seq}" if hit.seq is not None else None
    project = folder_name(hit.project) if hit.project else None
    known = (hit.agent, project, moment, short_id, place, _where(hit))
    return " · ".join(one_line(value) for value in known if value)


def _where(hit: SearchHit) -> str | None:
    return hit.role or _note(hit) or ("title" if hit.source == "session" else None)


def _note(hit: SearchHit) -> str | None:
    """Return which note a hit is, and what has become of it."""
    if hit.source != "note":
        return None
    number = "" if hit.note_id is None else f" {hit.note_id}"
    return f"note{number}" + (f", {hit.note_status}" if hit.note_status else "")


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
