"""What all parts of a screen share: its width, its colours, and how what is long is folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sessiondb.chat.text import counted, cut, width
from sessiondb.cli.screen.prose import Prose

FULL = "--full"
"""The option that shows what is folded."""


class Look(NamedTuple):
    """How a session is written. `paint` gives a text the look of a kind of cli/colours.py; `full`: nothing is folded.

    `folder` is what paths are seen from.
    """

    prose: Prose
    paint: Callable[[str, str], str]
    full: bool = False
    folder: str | None = None

    @property
    def width(self) -> int:
        """Return the columns there are."""
        return self.prose.width

    def raw(self, text: str, most: int | None, *, indent: int, kind: str = "dim") -> Iterator[str]:
        """Yield the lines of what a tool said: the first few, each cut at the width, and how many more there are."""
        room = max(self.width - indent, 1)
        lines = self.prose.plain(text, indent=indent) if self.full else _lines(text)
        shown = lines if self.full else lines[:most]
        for line in shown:
            yield self.paint(line if self.full else cut(line, room), kind)
        if len(lines) > len(shown):
            yield self.more(len(lines) - len(shown))

    def more(self, lines: int) -> str:
        """Return how many lines are folded, and how to see them."""
        return self.paint(f"… {counted(lines, 'more line', 'more lines')} ({FULL})", "dim")

    def row(self, parts: Sequence[tuple[str, str]], right: str = "") -> str:
        """Return pieces of text, of a kind each, as one line that is cut where it is too long, a word at its end."""
        room = self.width - (width(right) + 2 if right else 0)
        painted = []
        for text, kind in parts:
            kept = cut(text, room) if room > 0 else ""
            room -= width(kept)
            painted.append(self.paint(kept, kind) if kind else kept)
        return "".join(painted) + (f"  {self.paint(right, 'dim')}" if right else "")


def _lines(text: str) -> list[str]:
    from sessiondb.chat.text import visible

    return visible(text).strip("\n").expandtabs().split("\n")
