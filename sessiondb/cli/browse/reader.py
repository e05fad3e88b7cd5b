"""A session to read: blocks that fold, a line that is current, hits and turns to go to."""

from __future__ import annotations

import re
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sessiondb.cli.browse.blocks import Block
from sessiondb.cli.browse.keymap import READER_KEYS

_CURRENT = Style(reverse=True)
_HIT = "black on yellow"


class Reader(ScrollView, can_focus=True):
    """Blocks, one line of which is current."""

    BINDINGS: ClassVar[list[BindingType]] = READER_KEYS

    class Opened(Message):
        """A sub-agent is to be opened."""

        def __init__(self, session_id: str) -> None:
            super().__init__()
            self.session_id = session_id

    class Missed(Message):
        """There is nothing further of what was looked for."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self.words: re.Pattern[str] | None = None
        self.line = 0
        self._begins: list[int] = []
        self._lines: list[tuple[int, Text]] = []

    def show(self, blocks: list[Block], seq: int | None = None) -> None:
        """Show other blocks, from the message `seq` on."""
        self.blocks = blocks
        self._lay_out()
        of_message = [index for index, block in enumerate(blocks) if seq is not None and block.seq == seq]
        place = next(iter(of_message), 0)
        if self.words:
            place = next((index for index in of_message if blocks[index].matches(self.words)), place)
        self._go_to_block(place)

    def look_for(self, words: re.Pattern[str] | None) -> None:
        """Mark words, and let these be the hits."""
        self.words = words
        self.refresh()

    def _lay_out(self) -> None:
        """Put the lines of all blocks below one another."""
        width = max(self.scrollable_content_region.width, 20)
        self._begins, self._lines = [], []
        for index, block in enumerate(self.blocks):
            if block.kind == "message" and self._lines:
                self._lines.append((index - 1, Text("", end="")))
            self._begins.append(len(self._lines))
            self._lines += [(index, line) for line in block.lines(width)]
        self.virtual_size = Size(0, len(self._lines))
        self.refresh()

    def on_resize(self, event: Resize) -> None:
        """Lay out for the new width, and keep the current line's block."""
        if self.blocks:
            block = self._block_index()
            self._lay_out()
            self.go(self._begins[block])

    def _block_index(self) -> int:
        return self._lines[self.line][0] if self._lines else 0

    @property
    def block(self) -> Block | None:
        """Return the block of the current line."""
        return self.blocks[self._block_index()] if self._lines else None

    def go(self, line: int, *, to_top: bool = False) -> None:
        """Make a line the current one, the nearest that there is, and bring it into sight."""
        self.line = max(0, min(line, len(self._lines) - 1))
        top, height = round(self.scroll_offset.y), max(self.size.height, 1)
        if to_top and not top <= self.line < top + height - 2:
            self.scroll_to(y=max(self.line - 1, 0), animate=False, immediate=True)
        elif self.line < top:
            self.scroll_to(y=self.line, animate=False, immediate=True)
        elif self.line >= top + height:
            self.scroll_to(y=self.line - height + 1, animate=False, immediate=True)
        self._draw_seen()
        self.refresh()

    def _draw_seen(self) -> None:
        """Draw the Markdown of the blocks that are on the screen; the current line's block stays where it is."""
        for _ in range(3):
            top, height = round(self.scroll_offset.y), max(self.size.height, 1)
            seen = {index for index, _ in self._lines[top : top + height]}
            # All of them, not as many as any() needs.
            if not [index for index in sorted(seen) if self.blocks[index].draw()]:
                return
            block, row = self._block_index(), self.line - top
            offset, text = self.line - self._begins[block], self._lines[self.line][1].plain
            was_hit = self.words is not None and self.words.search(text) is not None
            self._lay_out()
            self.line = self._near(block, offset, was_hit)
            self.scroll_to(y=self.line - row, animate=False, immediate=True)

    def _near(self, block: int, offset: int, was_hit: bool) -> int:
        """Return the line of a block that is nearest to where it was; if that was a hit, one that is a hit as well."""
        begin = self._begins[block]
        end = next(
            (line for line in range(begin, len(self._lines)) if self._lines[line][0] != block),
            len(self._lines),
        )
        lines = [
            line
            for line in range(begin, end)
            if not was_hit or (self.words is not None and self.words.search(self._lines[line][1].plain))
        ] or [begin]
        return min(lines, key=lambda line: abs(line - begin - offset))

    def _go_to_block(self, index: int) -> None:
        if self._begins:
            self.go(self._begins[index], to_top=True)

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen."""
        width, number = self.scrollable_content_region.width, round(self.scroll_offset.y) + y
        if number >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[number][1]
        if self.words is not None and self.words.search(line.plain):
            line = line.copy()
            line.highlight_regex(self.words, _HIT)
        segments = Segment.apply_style(line.render(self.app.console), self.rich_style)
        strip = Strip(segments).adjust_cell_length(width, self.rich_style)
        return strip.apply_style(_CURRENT) if number == self.line and self.has_focus else strip

    def action_move(self, lines: int) -> None:
        """Go so many lines down."""
        self.go(self.line + lines)

    def action_page(self, pages: float) -> None:
        """Go so many pages down, the screen with the line."""
        lines = round(pages * max(self.size.height - 2, 1))
        self.scroll_to(y=round(self.scroll_offset.y) + lines, animate=False, immediate=True)
        self.go(self.line + lines)

    def action_edge(self, end: bool) -> None:
        """Go to the first line, or to the last."""
        self.go(len(self._lines) - 1 if end else 0)

    def action_fold(self) -> None:
        """Fold the block of the current line, or unfold it; open a sub-agent."""
        block = self.block
        if block is None:
            return
        if block.opens:
            self.post_message(self.Opened(block.opens))
        elif block.body:
            block.is_folded = not block.is_folded
            index = self._block_index()
            self._lay_out()
            self.go(self._begins[index])

    def action_fold_all(self) -> None:
        """Unfold everything; where nothing is folded, fold what is not plain talk."""
        folded = any(block.is_folded for block in self.blocks if block.body)
        index = self._block_index()
        for block in self.blocks:
            block.is_folded = not folded and block.kind != "message"
        self._lay_out()
        self._go_to_block(index)

    def action_hit(self, step: int) -> None:
        """Go to the next line that has one of the words; what is folded there is unfolded."""
        words = self.words
        if words is None:
            self.post_message(self.Missed("nothing is searched for: type / and some words"))
            return
        begin = self.line if step > 0 else self.line - 1
        for line in range(begin, len(self._lines) if step > 0 else -1, step):
            index, text = self._lines[line]
            block = self.blocks[index]
            if block.is_folded and words.search(block.body):
                self._unfold(index, words, step)
                return
            if line == self.line:
                continue
            if words.search(text.plain):
                self.go(line, to_top=True)
                return
        self.post_message(self.Missed("no further hit"))

    def _unfold(self, index: int, words: re.Pattern[str], step: int) -> None:
        """Unfold a block, and go to the first of its lines that has one of the words, or to the last."""
        self.blocks[index].is_folded = False
        self._lay_out()
        begin = self._begins[index]
        lines = [n for n in range(begin, len(self._lines)) if self._lines[n][0] == index]
        hits = [n for n in lines if words.search(self._lines[n][1].plain)] or [begin]
        self.go(hits[0 if step > 0 else -1], to_top=True)

    def action_turn(self, step: int) -> None:
        """Go to the next message of a person."""
        begins = [
            begin
            for begin, block in zip(self._begins, self.blocks, strict=True)
            if block.kind == "message" and block.is_person
        ]
        further = [begin for begin in begins if (begin > self.line if step > 0 else begin < self.line)]
        if further:
            self.go(further[0 if step > 0 else -1], to_top=True)
        else:
            self.post_message(self.Missed("no further turn"))

    def on_click(self, event: Click) -> None:
        """Make the clicked line the current one; on a heading, fold or unfold."""
        line = round(self.scroll_offset.y) + event.y
        if line < len(self._lines):
            self.go(line)
            if line in self._begins and self.block is not None and self.block.kind != "message":
                self.action_fold()
