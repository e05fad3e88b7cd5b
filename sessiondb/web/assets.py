"""The style and the scripts of all pages, each at an address that changes with it, so that it may be kept for good."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from sessiondb.exchange.html import KEYS, SCRIPT, STYLE

_FOLDER = Path(__file__).parent


class Asset(NamedTuple):
    """A file that pages load."""

    name: str
    content_type: str
    text: str


def _asset(stem: str, suffix: str, content_type: str, text: str) -> Asset:
    return Asset(f"{stem}-{sha256(text.encode()).hexdigest()[:12]}.{suffix}", content_type, text)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


CSS = _asset("style", "css", "text/css", STYLE + _read("web.css"))
JS = _asset("keys", "js", "text/javascript", KEYS + _read("copy.js"))
SESSION_JS = _asset("session", "js", "text/javascript", SCRIPT + _read("copy.js"))

ASSETS = {asset.name: asset for asset in (CSS, JS, SESSION_JS)}
