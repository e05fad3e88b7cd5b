"""Write sessions as HTML: one into a file, or any number into a folder with an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sessiondb.errors import InvalidInput
from sessiondb.exchange.output import must_be_new, write
from sessiondb.exchange.transcripts import with_subagents
from sessiondb.records import ExportReport, SessionFilter, Transcript
from sessiondb.records.progress import Progress, no_progress

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables
    from sessiondb.exchange.html.words import Words


def single_page(
    db: Tables, session_ids: Sequence[str] | None, *, redact: bool, progress: Progress
) -> Iterator[bytes]:
    """Yield the page of the one session that is chosen, in pieces. Raises InvalidInput where there are more."""
    from sessiondb.dao.exports import Exports
    from sessiondb.exchange.html import page

    exports = Exports(db.connection)
    with exports.snapshot():
        found = list(roots(db, session_ids))
        if len(found) != 1:
            raise InvalidInput(
                f"a page is of one session, not of {len(found)}: name a session, or a folder for the pages"
                " (--format html -o pages)"
            )
        transcript = _redacted(with_subagents(db, found[0]), redact)
    for piece in page(transcript):
        yield piece.encode()
    progress("write", 1, 1)


def write_site(
    db: Tables,
    folder: Path,
    session_ids: Sequence[str] | None = None,
    *,
    redact: bool = False,
    overwrite: bool = True,
    progress: Progress | None = None,
) -> ExportReport:
    """Write a page for each session and an index into a folder, which is made. Sub-agents are in their parent's page.

    Raises InvalidInput where a file cannot be written, Conflict where one exists and may not be overwritten.
    """
    from sessiondb.dao.exports import Exports
    from sessiondb.exchange.html.site import INDEX, file_name, index
    from sessiondb.exchange.html.words import Words

    exports = Exports(db.connection)
    # One moment for all pages: a link must not lead to a page of a session that came while they were written.
    with exports.snapshot():
        found = exports.newest_first(list(roots(db, session_ids)))
        links = {id: file_name(id) for id in found}
        if not overwrite:
            for name in (INDEX, *links.values()):
                must_be_new(folder / name)
        with closing(Words(folder)) as words:
            pages = _Pages(folder, links, words, progress or no_progress)
            # A line of the index is written with its page: there may be more sessions than memory has room for.
            items = pages.written(_redacted(with_subagents(db, id), redact) for id in found)
            pieces = (piece.encode() for piece in index(len(found), items, words.json()))
            size = write(pieces, folder / INDEX)
    return ExportReport(len(found), size + pages.size)


class _Pages:
    """The pages of a folder, of `size` bytes so far."""

    def __init__(self, folder: Path, links: Mapping[str, str], words: Words, progress: Progress) -> None:
        self._folder = folder
        self._links = links
        self._words = words
        self._progress = progress
        self.size = 0

    def written(self, transcripts: Iterable[Transcript]) -> Iterator[str]:
        """Write a page for each session; yield its item for the index, and note its words."""
        from sessiondb.exchange.html import page
        from sessiondb.exchange.html.site import INDEX, item, words_of

        for number, transcript in enumerate(transcripts):
            session = transcript.session
            pieces = (piece.encode() for piece in page(transcript, self._links, INDEX))
            self.size += write(pieces, self._folder / self._links[session.id])
            self._words.add(number, words_of(transcript))
            yield item(session, self._links[session.id])
            self._progress("write", number + 1, len(self._links))


def roots(db: Tables, session_ids: Sequence[str] | None = None) -> Iterator[str]:
    """Yield the ids of the sessions that get a page: all but the sub-agents of others among them."""
    from sessiondb.dao.exports import Exports

    ids = Exports(db.connection).session_ids(SessionFilter()) if session_ids is None else session_ids
    below: dict[str, list[str]] = {id: db.sessions.subagents(id) for id in ids}
    children = {child for found in below.values() for child in found}
    shown: set[str] = set()

    def take(id: str) -> None:
        waiting = [id]
        while waiting:
            if (each := waiting.pop()) not in shown:
                shown.add(each)
                waiting += below.get(each, [])

    # Sessions that are each other's parent have no root: the first of them stands for it.
    for id in (*(id for id in ids if id not in children), *ids):
        if id not in shown:
            take(id)
            yield id


def _redacted(transcript: Transcript, redact: bool) -> Transcript:
    from sessiondb.chat.redaction.redact import redacted

    return redacted(transcript) if redact else transcript
