"""At a prompt, point to the one earlier session that is clearly about the same, or say nothing.

Most prompts are about nothing that was said before, and a wrong pointer costs more than none: tokens, and the model's
attention. What stands out clearly is told by the scores of a search; docs/agents.md has what was measured.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sessiondb.database import SessionDB

MARGIN = 2.0
"""How many times the score of the second session the first one has at least."""

LEAST_SCORE = 30.0
"""What the first one has at least: a few common words stay below it."""

MAX_CHARACTERS = 500
"""Of a prompt that is searched for: a longer one is a text that was pasted, or a task, and takes its time."""

MIN_WORDS = 3

SECONDS = 0.5
"""How long the search may take; nothing is said when it is over."""

_INJECTED = re.compile(
    r"<(hook_context|sessiondb-memory|system-reminder)>.*?</\1>\s*", re.DOTALL | re.IGNORECASE
)
# Commands of the agent, lines for its shell, and what programs put in a user's place.
_NOT_SAID = ("/", "!", "<", "#", "{")
_SYNTAX = re.compile(r"[\"“”„:()*]|(?<!\w)-")


class Pointer(NamedTuple):
    """An earlier session, and what is told of it."""

    session_id: str
    text: str


def pointer(db: SessionDB, prompt: str, folder: str, own: str) -> Pointer | None:
    """Return the session of a folder that stands out as being about a prompt, None where none does.

    All sessions are compared, and one of another folder is not told of. `own` is the agent's own id of the session
    that asks, which does not count. Raises DatabaseError where the time is over.
    """
    from sessiondb.chat.text import cut, one_line, shown_title, visible
    from sessiondb.dao.lookups import normal_path
    from sessiondb.query import tokens

    said = _SYNTAX.sub(" ", _INJECTED.sub("", prompt)).strip()
    if said.startswith(_NOT_SAID) or len(said) > MAX_CHARACTERS or len(tokens(said)) < MIN_WORDS:
        return None
    with db.connection.deadline(SECONDS):
        hits = [hit for hit in db.search(said, fold=True, limit=4).hits if hit.session_id is not None]
        natives = {
            hit.session_id: db.sessions.get(hit.session_id).native_id for hit in hits if hit.session_id
        }
        hits = [hit for hit in hits if natives[hit.session_id or ""] != own]
        if not hits or hits[0].score < LEAST_SCORE:
            return None
        best, others = hits[0], hits[1:]
        if best.project != normal_path(folder) or (others and best.score < MARGIN * others[0].score):
            return None
        session = db.sessions.get(best.session_id or "")
        (short,) = db.short_ids([session.id]).values()
    place = f", message {best.seq}" if best.seq is not None else ""
    title = f": {cut(shown_title(session.title), 100)}"
    return Pointer(
        session.id,
        visible(
            "An earlier session of this project seems to be about this:\n"
            f"{session.last_active_at[:10]}, {session.agent}, session {short}{place}{title}\n"
            f"  {cut(one_line(best.snippet), 300)}"
        ),
    )
