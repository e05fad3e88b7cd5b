"""The two screens: the list with a filter and a preview, and one session."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.timer import Timer
from textual.widgets import Input, Static

from sessiondb.chat.text import one_line, shown
from sessiondb.cli.browse.blocks import blocks_of, words_of
from sessiondb.cli.browse.deeds import SessionScreen
from sessiondb.cli.browse.keymap import whole_keys
from sessiondb.cli.browse.listing import SessionList
from sessiondb.cli.browse.reader import Reader
from sessiondb.cli.browse.rows import facts, snippet
from sessiondb.cli.browse.store import Row, Rows
from sessiondb.errors import SessionDBError
from sessiondb.records import Transcript

TYPING = 0.15
"""Seconds without a key after which a filter is applied."""

LOOKING = 0.06
"""Seconds on a row after which its preview is read."""

BESIDE = 100
"""Columns from which on the preview stands beside the list, not below it."""

_LIST_KEYS = (
    "/ filter  Enter open  ? help  q quit  a all  t tags  e title  m pin  w write  y copy  r resume  s tree"
)
_READER_KEYS = (
    "q back  / search  n N hits  ] [ turns  Enter fold  ? help  z all  t tags  m pin  r resume  s tree"
)
_PREVIEWED = 1500


class Filter(Input):
    """The field of the filter. Enter goes to the list at once, for the key that comes next."""

    async def action_submit(self) -> None:
        """Go on to the list."""
        self.screen.set_focus(self.screen.query_one(SessionList))


class ListScreen(SessionScreen):
    """The list of sessions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter"),
        Binding("a", "all", "sub-agents too"),
        Binding("escape", "leave", "clear the filter"),
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self, query: str) -> None:
        super().__init__()
        self._query = query
        self._with_subagents = False
        self._typing: Timer | None = None
        self._looking: Timer | None = None

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        yield Filter(
            self._query,
            placeholder="/ filter: words, agent: project: tag: after: ...",
            id="filter",
            select_on_focus=False,
        )
        with Container(id="both"):
            yield SessionList()
            with VerticalScroll(id="preview", can_focus=False):
                yield Static("", markup=False)
        yield Static("", id="state", markup=False)

    def on_mount(self) -> None:
        """Show the first rows."""
        self.set_focus(self.query_one(SessionList))
        self.set_class(self.app.size.width >= BESIDE, "wide")
        self.call_after_refresh(self._apply)

    def on_resize(self) -> None:
        """Put the preview where there is room."""
        self.set_class(self.app.size.width >= BESIDE, "wide")

    @property
    def session_id(self) -> str | None:
        """Return the id of the session that is chosen."""
        chosen = self.query_one(SessionList).chosen
        return chosen.session.id if chosen else None

    def changed(self) -> None:
        """Read the rows again."""
        listing = self.query_one(SessionList)
        if listing.rows is not None:
            listing.rows.forget()
        listing.choose(listing.index)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the filter when the person pauses."""
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING, self._apply)

    def _apply(self) -> None:
        query = self.query_one("#filter", Input).value
        self.run_worker(partial(self._read, query), thread=True, exclusive=True, group="filter")

    def _read(self, query: str) -> None:
        """Read, on a thread of its own, what a query means, and the rows that are shown first."""
        try:
            rows = self.store.rows(query, with_subagents=self._with_subagents)
            if rows.total:
                rows.row(0)
        except SessionDBError as error:
            self.app.call_from_thread(self.say, str(error), is_error=True)
        else:
            self.app.call_from_thread(self._show, query, rows)

    def _show(self, query: str, rows: Rows) -> None:
        if query == self.query_one("#filter", Input).value:
            self._query = query
            self.query_one(SessionList).show(rows)

    def on_session_list_chosen(self) -> None:
        """Show the preview when the person stays."""
        self._say_state()
        if self._looking is not None:
            self._looking.stop()
        self._looking = self.set_timer(LOOKING, self._preview)

    def _say_state(self) -> None:
        listing = self.query_one(SessionList)
        rows = listing.rows
        total = rows.total if rows else 0
        place = (
            f"{listing.index + 1:,}/{total:,}"
            if total
            else "no session fits"
            if self._query
            else "no sessions"
        )
        has_remark = rows is not None and bool(rows.remarks)
        line = f"{place}  {shown(rows.remarks[0])}" if rows and has_remark else f"{place}  {_LIST_KEYS}"
        line = line if has_remark else whole_keys(line, self.app.size.width - 2)
        self.query_one("#state", Static).update(Text(line, no_wrap=True, overflow="ellipsis"))

    def _preview(self) -> None:
        row = self.query_one(SessionList).chosen
        found = Text("")
        if row is not None:
            with self.told():
                words = words_of(self._query)
                lines = _preview_lines(self.store.preview(row), row)
                found = Text("\n").join(lines)
                if words is not None:
                    found.highlight_regex(words, "bold yellow")
        preview = self.query_one("#preview", VerticalScroll)
        preview.query_one(Static).update(found)
        preview.scroll_home(animate=False)

    def on_session_list_opened(self) -> None:
        """Open the session."""
        row = self.query_one(SessionList).chosen
        if row is not None:
            self.browser.open_session(row.session.id, row.hit.seq if row.hit else None, self._query)

    def action_filter(self) -> None:
        """Go to the filter."""
        self.set_focus(self.query_one("#filter", Input))

    def action_all(self) -> None:
        """List sub-agents too, or no longer."""
        self._with_subagents = not self._with_subagents
        self.say("sub-agents are listed" if self._with_subagents else "sub-agents are folded")
        self._apply()

    def action_leave(self) -> None:
        """Leave the filter, or clear it."""
        field = self.query_one("#filter", Input)
        if field.has_focus:
            self.set_focus(self.query_one(SessionList))
        else:
            field.value = ""

    def key_down(self) -> None:
        """Go from the filter to the list."""
        if self.query_one("#filter", Input).has_focus:
            self.set_focus(self.query_one(SessionList))


def _preview_lines(transcript: Transcript, row: Row) -> list[Text]:
    lines = list(facts(transcript.session, transcript.tags))
    if row.hit is not None:
        lines += [Text(""), snippet(row.hit.snippet)]
    for block in blocks_of(transcript):
        lines.append(Text(""))
        lines.append(Text(block.head, block.style))
        if block.body and not block.is_folded:
            body = block.body[:_PREVIEWED]
            lines.append(Text(shown(body) + (" …" if len(block.body) > _PREVIEWED else "")))
    return lines


class ReaderScreen(SessionScreen):
    """One session."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,h,left,backspace", "back", "back"),
        Binding("slash", "look", "search in it"),
    ]

    def __init__(self, session_id: str, seq: int | None = None, query: str = "") -> None:
        super().__init__()
        self._session_id = session_id
        self._seq = seq
        self._looked_for = query

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        yield Static("", id="head", markup=False)
        yield Reader()
        keys = Text(whole_keys(_READER_KEYS, self.app.size.width - 2), no_wrap=True, overflow="ellipsis")
        yield Static(keys, id="state", markup=False)

    def on_mount(self) -> None:
        """Read the session."""
        reader = self.query_one(Reader)
        self.set_focus(reader)
        self.call_after_refresh(self._read)

    def _read(self) -> None:
        with self.told():
            transcript = self.store.transcript(self._session_id)
            agents = self.store.subagents(self._session_id)
            self._say_head(transcript)
            reader = self.query_one(Reader)
            reader.look_for(words_of(self._looked_for))
            reader.show(blocks_of(transcript, agents), self._seq)

    def _say_head(self, transcript: Transcript) -> None:
        first, about, _, names = facts(transcript.session, transcript.tags)
        lines = Text("\n", no_wrap=True, overflow="ellipsis").join((first, Text(" · ").join((about, names))))
        self.query_one("#head", Static).update(lines)

    @property
    def session_id(self) -> str | None:
        """Return the id of the session."""
        return self._session_id

    def changed(self) -> None:
        """Show the head anew."""
        self._say_head(self.store.preview(Row(self.store.session(self._session_id))))

    def on_reader_opened(self, event: Reader.Opened) -> None:
        """Open a sub-agent above this session."""
        self.browser.open_session(event.session_id, None, self._looked_for)

    def on_reader_missed(self, event: Reader.Missed) -> None:
        """Say that there is nothing further."""
        self.say(event.what)

    def action_look(self) -> None:
        """Ask for words, and go to the first of them."""

        def look(session_id: str, text: str) -> str:
            self._looked_for = text
            reader = self.query_one(Reader)
            reader.look_for(words_of(text))
            if text:
                reader.action_hit(1)
            return f"n and N go through the hits of {one_line(text)}" if text else "no longer searched"

        self.ask("Search in this session", self._looked_for, look)

    def action_back(self) -> None:
        """Go back to what was shown before."""
        self.browser.back()
