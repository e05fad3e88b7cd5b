"""How rich draws the tokens of Markdown here: headings with their signs, code in the terminal's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pygments.token import Comment, Keyword, Name, Number, String
from pygments.token import Token as Any_
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement, TableElement
from rich.padding import Padding
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_COLOURED = 20_000
"""Characters of a block of code that gets colours: to find them takes time, in some languages very much."""

THEME = Theme(
    {
        **{f"markdown.h{level}": "bold" for level in range(1, 7)},
        "markdown.code": "cyan",
        "markdown.item.bullet": "none",
        "markdown.item.number": "none",
        "markdown.hr": "dim",
        "markdown.block_quote": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)
# No colour that is hard to read on a light or a dark ground, and no ground of its own.
_CODE = ANSISyntaxTheme(
    {
        Any_: Style(),
        Comment: Style(dim=True, italic=True),
        Keyword: Style(color="magenta"),
        Name.Function: Style(color="cyan"),
        Name.Class: Style(color="cyan", bold=True),
        Name.Decorator: Style(color="cyan"),
        Name.Tag: Style(color="magenta"),
        Number: Style(color="cyan"),
        String: Style(color="green"),
    }
)


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(f"{'#' * int(self.tag[1:])} ", style="bold") + self.text


class _Code(CodeBlock):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip("\n")
        lexer = self.lexer_name if len(code) <= MAX_COLOURED else "text"
        yield Padding(Syntax(code, lexer, theme=_CODE, word_wrap=True), (0, 0, 0, 2))


class _Table(TableElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                table.show_edge = False
            yield table


class _Markdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
        "table_open": _Table,
    }


def rendered(tokens: Sequence[Token]) -> Markdown:
    """Return what rich draws of tokens."""
    shown = _Markdown("", hyperlinks=False)
    shown.parsed = list(tokens)
    return shown
