"""Sessions as HTML pages that need nothing but a browser.

`page` makes a whole page of a transcript; `body` its pieces, for a page of someone else's with the style and script
of `STYLE` and `SCRIPT`; `site` an index of pages, whose `words` may be in files. All but the last are pure.
"""

from __future__ import annotations

from sessiondb.exchange.html.document import KEYS, SCRIPT, STYLE, document
from sessiondb.exchange.html.page import Around, body, page

__all__ = ["KEYS", "SCRIPT", "STYLE", "Around", "body", "document", "page"]
