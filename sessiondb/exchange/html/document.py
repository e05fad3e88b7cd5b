"""The frame of a page: its one style and one script, which its policy names by their hashes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from sessiondb.exchange.html.markup import escape

_FOLDER = Path(__file__).parent


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


STYLE = _read("page.css")
KEYS = _read("keys.js")
SCRIPT = KEYS + _read("page.js")
INDEX_SCRIPT = KEYS + _read("index.js")


def policy(script: str) -> str:
    """Return a Content-Security-Policy that lets STYLE and a script be, and nothing be loaded or sent."""
    return (
        # By their hashes, so that nothing that a message has slipped into the page could run as they do.
        f"default-src 'none'; style-src '{_hash(STYLE)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def document(title: str, body: Iterable[str], script: str = SCRIPT) -> Iterator[str]:
    """Yield the HTML of a whole page around its body."""
    yield (
        "<!doctype html>\n"
        '<html lang="en">\n'
        "<head>\n"
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(script)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="generator" content="sessiondb">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>{STYLE}</style>\n"
        "</head>\n"
        "<body>\n"
    )
    yield from body
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
