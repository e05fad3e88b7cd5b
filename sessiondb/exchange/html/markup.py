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
WIDE, HIGH = 40, 20
"""Characters in a line, and lines, of a text in a fixed width that may not fit a phone."""
_FOCUS = ' tabindex="0"'
_WIDE_TABLE = 3
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
    return f"<pre{name}{_reachable(text)}>\n{escape(text)}</pre>"


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
    is_wide = any(len(line) > WIDE for line in lines)
    return f'<pre class="diff"{_FOCUS if is_wide or len(lines) > HIGH else ""}>\n{"".join(rows)}</pre>'


def _reachable(text: str, *, is_wrapped: bool = True) -> str:
    """Return what lets a keyboard scroll a text, where it may be larger than what is shown of it."""
    lines = text.split("\n")
    if not is_wrapped and any(len(line) > WIDE for line in lines):
        return _FOCUS
    return _FOCUS if len(lines) > HIGH or len(lines) + len(text) // WIDE > HIGH else ""


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Three walls, as a log may hold anything: tags are shown as text, links lead to the web or nowhere, and the page's
    # policy (document.py) forbids it to run, load or send anything but its own style and script.
    reader = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    reader.validateLink = _is_web  # type: ignore[method-assign]
    reader.add_render_rule("image", _image)
    reader.add_render_rule("link_open", _link)
    reader.add_render_rule("heading_open", _heading)
    reader.add_render_rule("heading_close", lambda *_: "</h2>\n")
    reader.add_render_rule("fence", _code)
    reader.add_render_rule("code_block", _code)
    reader.add_render_rule("table_open", _table)
    return reader


def _is_web(url: str) -> bool:
    return url.lower().startswith(_SCHEMES)


def _image(_: Any, tokens: Sequence[Token], index: int, *rest: Any) -> str:
    """Return a link to an image: a page loads nothing."""
    token = tokens[index]
    url = str(token.attrGet("src") or "")
    return f'<a href="{escape(url)}" rel="noopener noreferrer">{escape(token.content or url)}</a>'


def _link(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return the beginning of a link, which shows its address where it has no text."""
    tokens[index].attrSet("rel", "noopener noreferrer")
    begun = str(renderer.renderToken(tokens, index, options, env))
    is_empty = tokens[index + 1].type == "link_close"
    return begun + escape(str(tokens[index].attrGet("href"))) if is_empty else begun


def _heading(_: Any, tokens: Sequence[Token], index: int, *rest: Any) -> str:
    """Return a heading as one below the page's title, and with the looks of its own level."""
    return f'<h2 class="{tokens[index].tag}">'


def _code(_: Any, tokens: Sequence[Token], index: int, *rest: Any) -> str:
    token = tokens[index]
    language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    name = f' class="language-{escape(language)}"' if language else ""
    focus = _reachable(token.content, is_wrapped=False)
    return f"<pre{focus}><code{name}>{escape(token.content)}</code></pre>\n"


def _table(_: Any, tokens: Sequence[Token], index: int, *rest: Any) -> str:
    end = next(at for at in range(index, len(tokens)) if tokens[at].type == "thead_close")
    columns = sum(token.type == "th_open" for token in tokens[index:end])
    return f"<table{_FOCUS if columns > _WIDE_TABLE else ''}>\n"
