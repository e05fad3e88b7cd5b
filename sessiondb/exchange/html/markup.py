"""Text of conversations as HTML in which nothing is alive but links to the web."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape as escaped
from typing import TYPE_CHECKING, Any

from sessiondb.chat.text import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_MARKDOWN = 200_000
"""Characters of a text that is read as Markdown: a longer one is no prose, and is shown as it is."""
_SCHEMES = ("http://", "https://", "mailto:")


def escape(text: str) -> str:
    """Return text that is safe between tags and in quoted attributes, control characters shown."""
    return escaped(visible(text), quote=True)


def plain(text: str) -> str:
    """Return a text as it was typed: its lines and spaces are kept."""
    return f'<div class="plain" dir="auto">{escape(text.strip(chr(10)))}</div>'


def block(text: str, kind: str = "") -> str:
    """Return a text in a fixed width, such as what a tool answered."""
    name = f' class="{kind}"' if kind else ""
    # A newline right after the tag is not shown.
    return f"<pre{name}>\n{escape(text)}</pre>"


def markdown(text: str) -> str:
    """Return the HTML of Markdown: its tags are text, images are links, and links lead to the web or nowhere."""
    if len(text) > MAX_MARKDOWN:
        return plain(text)
    return f'<div class="prose" dir="auto">{_reader().render(visible(text))}</div>'


def diff(lines: Sequence[str]) -> str:
    """Return the lines of a change, those taken out and put in told apart by sign and colour."""
    names = {"+": "ins", "-": "del"}
    rows = (
        f"<{tag}>{escape(line)}</{tag}>\n" if (tag := names.get(line[:1])) else f"{escape(line)}\n"
        for line in lines
    )
    return f'<pre class="diff">\n{"".join(rows)}</pre>'


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    reader.validateLink = _is_web  # type: ignore[method-assign]
    reader.add_render_rule("image", _image)
    reader.add_render_rule("link_open", _link)
    return reader


def _is_web(url: str) -> bool:
    return url.lower().startswith(_SCHEMES)


def _image(_: Any, tokens: Sequence[Token], index: int, *rest: Any) -> str:
    """Return a link to an image: a page loads nothing."""
    token = tokens[index]
    url = str(token.attrGet("src") or "")
    return f'<a href="{escape(url)}" rel="noopener noreferrer">{escape(token.content or url)}</a>'


def _link(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer")
    return str(renderer.renderToken(tokens, index, options, env))
