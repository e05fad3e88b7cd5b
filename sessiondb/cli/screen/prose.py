"""Text for the width of a terminal: as it was typed, or as the Markdown that it is. The one place of rich.

What comes in has its control characters escaped first, and nothing of it is taken for rich's own markup; no link is
made for the terminal to follow.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sessiondb.chat.text import folded, visible, width

if TYPE_CHECKING:
    from markdown_it.token import Token
    from rich.console import Console, RenderableType

MAX_PROSE = 50_000
"""Characters of a text that is read as Markdown, or broken between words: a longer one is no prose."""
_NARROW = 6
"""Columns below which nothing nested is worth drawing."""


class Prose:
    """Turns text into lines of at most `width` columns, in colours or without."""

    def __init__(self, width: int, *, colours: bool) -> None:
        self.width = width
        self._colours = colours
        self._console: Console | None = None

    def plain(self, text: str, *, indent: int = 0) -> list[str]:
        """Return the lines of a text as it was typed, folded where they are too long."""
        room = max(self.width - indent, 1)
        lines = visible(text).strip("\n").expandtabs().split("\n")
        if len(text) > MAX_PROSE or all(width(line) <= room for line in lines):
            return [part for line in lines for part in folded(line, room)]
        from rich.text import Text

        return self._lines(Text("\n".join(lines), overflow="fold"), indent)

    def markdown(self, text: str, *, indent: int = 0) -> list[str]:
        """Return the lines of Markdown. What would not fit the width, or is too long, is shown as it was typed."""
        if len(text) > MAX_PROSE:
            return self.plain(text, indent=indent)
        tokens = _parser().parse(visible(text))
        room = self.width - indent - 4 * max((token.level for token in tokens), default=0) // 2
        if room < _NARROW or room < _NARROW * _most_columns(tokens):
            return self.plain(text, indent=indent)
        from sessiondb.cli.screen.markdown import rendered

        return self._lines(rendered(list(_without_links(tokens, self._colours))), indent)

    def _lines(self, shown: RenderableType, indent: int) -> list[str]:
        if self._console is None:
            self._console = self._new_console()
        with self._console.capture() as captured:
            self._console.print(shown, width=max(self.width - indent, 1))
        return [_stripped(line) for line in captured.get().strip("\n").split("\n")]

    def _new_console(self) -> Console:
        from rich.console import Console

        from sessiondb.cli.screen.markdown import THEME

        return Console(
            file=io.StringIO(), force_terminal=True, color_system="standard" if self._colours else None,
            no_color=not self._colours, width=self.width, height=25, legacy_windows=False, markup=False,
            highlight=False, emoji=False, theme=THEME,
        )  # fmt: skip


def _stripped(line: str) -> str:
    """Return a line without the spaces at its end, and the styles that only they have."""
    return _CLOSED_SPACE.sub(r"\1", _STYLED_SPACE.sub("", line))


_STYLED_SPACE = re.compile(r"(?:\x1b\[[\d;]*m +\x1b\[0m| )+$")
_CLOSED_SPACE = re.compile(r" +(\x1b\[0m)$")


def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


def _most_columns(tokens: Sequence[Token]) -> int:
    """Return how many columns the widest table has."""
    most = found = 0
    for token in tokens:
        if token.type == "tr_open":
            found = 0
        found += token.type in ("th_open", "td_open")
        most = max(most, found)
    return most


def _without_links(tokens: Sequence[Token], colours: bool) -> Iterator[Token]:
    """Yield tokens with links and images as text and their address behind it; without colours code has its marks."""
    for token in tokens:
        if token.children:
            token.children = list(_inline(token.children, colours))
        yield token


def _inline(tokens: Sequence[Token], colours: bool) -> Iterator[Token]:
    from markdown_it.token import Token

    href, said = "", ""
    for token in tokens:
        said += token.content
        if token.type == "link_open":
            href, said = str(token.attrs.get("href", "")), ""
        elif token.type == "link_close":
            if href not in (said, f"mailto:{said}"):
                yield Token("text", "", 0, content=f" ({href})")
        elif token.type == "image":
            yield Token("text", "", 0, content=f"{token.content or 'image'} ({token.attrs.get('src', '')})")
        elif token.type == "softbreak":
            # People break lines where they mean it.
            yield Token("hardbreak", "br", 0)
        elif token.type == "code_inline" and not colours:
            yield Token("text", "", 0, content=f"`{token.content}`")
        else:
            yield token
