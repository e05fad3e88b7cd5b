"""The list of sessions: only the rows that are on the screen are read and drawn."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sessiondb.cli.browse.keymap import LIST_KEYS
from sessiondb.cli.browse.rows import row_text
from sessiondb.cli.browse.store import Row, Rows

_SELECTED = Style(reverse=True)


class SessionList(ScrollView, can_focus=True):
    """A list with one row chosen."""

    BINDINGS: ClassVar[list[BindingType]] = LIST_KEYS

    class Chosen(Message):
        """Another row is chosen, or none where there is no row."""

    class Opened(Message):
        """The chosen row is to be opened."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Rows | None = None
        self.index = 0

    @property
    def chosen(self) -> Row | None:
        """Return the row that is chosen."""
        if self.rows is None or not self.rows.total:
            return None
        return self.rows.row(self.index)

    def show(self, rows: Rows, index: int = 0) -> None:
        """Show other rows."""
        self.rows = rows
        self.virtual_size = Size(0, rows.total)
        self.choose(index)

    def choose(self, index: int) -> None:
        """Choose a row, the nearest that there is, and bring it into sight."""
        last = (self.rows.total if self.rows else 0) - 1
        self.index = max(0, min(index, last))
        top, height = round(self.scroll_offset.y), max(self.size.height, 1)
        if self.index < top:
            self.scroll_to(y=self.index, animate=False, immediate=True)
        elif self.index >= top + height:
            self.scroll_to(y=self.index - height + 1, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Chosen())

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen."""
        width, index = self.scrollable_content_region.width, round(self.scroll_offset.y) + y
        row = self.rows.row(index) if self.rows and index < self.rows.total else None
        if row is None:
            return Strip.blank(width, self.rich_style)
        segments = list(row_text(row, width).render(self.app.console))
        strip = Strip(Segment.apply_style(segments, self.rich_style)).adjust_cell_length(
            width, self.rich_style
        )
        return strip.apply_style(_SELECTED) if index == self.index else strip

    def action_move(self, rows: int) -> None:
        """Choose a row so many below."""
        self.choose(self.index + rows)

    def action_page(self, pages: float) -> None:
        """Choose a row so many pages below."""
        self.choose(self.index + round(pages * max(self.size.height - 1, 1)))

    def action_edge(self, end: bool) -> None:
        """Choose the first row, or the last."""
        self.choose(self.rows.total - 1 if end and self.rows else 0)

    def action_open(self) -> None:
        """Open the chosen row."""
        if self.chosen is not None:
            self.post_message(self.Opened())

    def on_click(self, event: Click) -> None:
        """Choose the row that was clicked; a second click opens it."""
        index = round(self.scroll_offset.y) + event.y
        if self.rows and index < self.rows.total:
            again = index == self.index and event.chain > 1
            self.choose(index)
            if again:
                self.action_open()
