"""Sessions as HTML pages that need nothing but a browser.

`page` makes a whole page of a transcript; `body` its pieces, for a page of someone else's with the style and script
of `STYLE` and `SCRIPT`; `site` writes a folder of pages with an index. All but the last are pure.
"""

from __future__ import annotations

from sessiondb.exchange.html.document import SCRIPT, STYLE, document
from sessiondb.exchange.html.page import body, page

__all__ = ["SCRIPT", "STYLE", "body", "document", "page"]
