"""The names of agents, projects, models and branches in a sentence, told by what stands around them. Pure."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from sessiondb.query.parse import Query

Kind = Literal["any", "model", "project", "branch"]

_NAME = r"[^\W\d_][\w./-]*"
_BEFORE = r"with|in|from|by|using|via|on|at|for"
_NOUNS: dict[str, Kind] = {
    **dict.fromkeys(("project", "repo", "repository", "folder", "workspace", "codebase"), "project"),
    **dict.fromkeys(("session", "sessions", "chat", "chats", "conversation", "conversations"), "any"),
    "agent": "any",
    "model": "model",
    "branch": "branch",
}
_NOUN = "|".join(sorted(_NOUNS, key=len, reverse=True))
# "with codex", "from gemini"; "the quill project", "chatgpt chat"; "hermes, april 20", "codex: the new folder".
# What has none of these around it is what a sentence is about: "running codex behind a proxy".
_PLACES = (
    rf"(?<!\S)(?P<name>{_NAME}) (?P<noun>{_NOUN})\b",
    rf"\b(?:{_BEFORE}) (?:the |my |our )?(?P<name>{_NAME})(?=[\s,.:;?!]|$)",
    rf"^(?:the |my |our )?(?P<name>{_NAME})[,:](?=\s)",
)


class Named(NamedTuple):
    """A word that may be a name, what it may be the name of, and the words that say so."""

    name: str
    kind: Kind
    words: tuple[str, ...]


def names_in(query: Query) -> list[Named]:
    """Return the words of a query that stand where names stand, in lower case, each once."""
    text = query.text.lower()
    found: dict[str, Named] = {}
    for pattern in _PLACES:
        for match in re.finditer(pattern, text):
            name, noun = match["name"].rstrip(".-/"), match.groupdict().get("noun") or ""
            named = Named(name, _NOUNS.get(noun, "any"), (name, noun) if noun else (name,))
            found.setdefault(name, named)
    return list(found.values())
