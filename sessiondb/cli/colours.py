"""Whether to print in colours, and the one palette: each kind of thing has its colour wherever it stands.

The first that is given decides: --color, then what the environment or the file of settings says (`COLOR` in
sessiondb/settings), and else a terminal that is not dumb. The colours are the sixteen that people choose for their
terminal themselves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from sessiondb.errors import InvalidInput
from sessiondb.settings import get
from sessiondb.settings.table import COLOR

WHEN = ("auto", "always", "never")
_WHEN, _PLAIN = "sessiondb.color", "sessiondb.plain"

STYLES: dict[str, dict[str, Any]] = {
    "strong": {"bold": True},
    "dim": {"dim": True},
    "id": {"fg": "yellow"},
    "mark": {"fg": "red", "bold": True},
    "user": {"fg": "cyan", "bold": True},
    "assistant": {"fg": "green", "bold": True},
    "system": {"fg": "blue"},
    "tool": {"fg": "magenta", "bold": True},
    "error": {"fg": "red"},
    "added": {"fg": "green"},
    "taken": {"fg": "red"},
    "warning": {"fg": "yellow"},
}
"""The look of each kind of thing, as `click.style` takes it."""


def look_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --color and --plain, which `has_colours` and `is_plain` know from then on."""
    for key, option in ((_PLAIN, _PLAIN_OPTION), (_WHEN, _COLOR_OPTION)):
        function = option(expose_value=False, is_eager=True, callback=partial(_remember, key))(function)
    return function


_COLOR_OPTION = partial(
    click.option,
    "--color",
    type=click.Choice(WHEN),
    help="When to print in color. Default: auto, on a terminal unless NO_COLOR is set.",
)
_PLAIN_OPTION = partial(
    click.option, "--plain", is_flag=True, help="Print plain text on a terminal too, as in a pipe."
)


def _remember(key: str, ctx: click.Context, parameter: click.Parameter, value: str | bool | None) -> None:
    if value:
        ctx.find_root().meta[key] = value


def _given(key: str) -> Any:
    context = click.get_current_context(silent=True)
    return context.find_root().meta.get(key) if context else None


def is_plain() -> bool:
    """Say whether a terminal is to get what a pipe would."""
    return bool(_given(_PLAIN))


def is_drawing() -> bool:
    """Say whether output is for a person: on a terminal, or where colours are asked for in a pipe."""
    return not is_plain() and (sys.stdout.isatty() or has_colours())


def has_colours() -> bool:
    """Say whether to print in colours to stdout."""
    if is_plain():
        return False
    asked = _given(_WHEN) or "auto"
    if asked == "auto":
        try:
            asked = get(COLOR)
        except InvalidInput:
            # The commands that need settings say it; help, and that error itself, are printed all the same.
            asked = "auto"
    if asked == "auto":
        return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return bool(asked == "always")


def painted(text: str, kind: str) -> str:
    """Return a text as its kind looks, or as it is where there are no colours."""
    return click.style(text, **STYLES[kind]) if text and has_colours() else text


def plain(text: str, kind: str) -> str:
    """Return a text as it is: the painter where there are no colours."""
    return text


Painter = Callable[[str, str], str]


def painter() -> Painter:
    """Return `painted` for many texts: whether there are colours is asked once."""
    if not has_colours():
        return plain
    return lambda text, kind: click.style(text, **STYLES[kind]) if text else text
