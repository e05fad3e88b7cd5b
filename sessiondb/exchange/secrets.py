"""Find the secrets that lie in a database, and put `[redacted:KIND]` in their place."""

from __future__ import annotations

import re
from collections import Counter

from sessiondb.chat.redaction.redact import is_json, without_secrets
from sessiondb.dao.purge import Purge
from sessiondb.dao.tables import Tables
from sessiondb.dao.texts import Text, Texts
from sessiondb.records.secrets import SecretsFound

_MARK = re.compile(r"\[redacted:([a-z-]+)\]")
_BATCH = 1_000_000
"""Characters of text that one transaction replaces, about."""


def scan(db: Tables, *, purge: bool = False) -> SecretsFound:
    """Look through every text for secrets. A `purge` replaces them, and leaves no byte of them in the file.

    Raises DatabaseBusy where another process reads the file, so that its log cannot be emptied.
    """
    kinds: Counter[str] = Counter()
    sessions: Counter[str] = Counter()
    texts = Texts(db.connection)
    changes: list[tuple[Text, str]] = []
    size = 0
    for text in texts.all():
        clean = without_secrets(text.value)
        found = Counter(_MARK.findall(clean)) - Counter(_MARK.findall(text.value))
        if not found or (is_json(text.value) and not is_json(clean)):
            continue
        kinds += found
        if text.session_id is not None:
            sessions[text.session_id] += found.total()
        if purge:
            changes.append((text, clean))
            size += len(text.value)
            if size > _BATCH:
                texts.replace(changes)
                changes, size = [], 0
    if purge:
        texts.replace(changes)
        Purge(db.connection).erase()
    return SecretsFound(dict(kinds.most_common()), dict(sessions.most_common()), purge)
