"""Words that people use for one another: a table that is shipped, and one that a user writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from sessiondb.errors import InvalidInput
from sessiondb.query import base_forms, tokens
from sessiondb.settings.paths import user_config

SHIPPED = Path(__file__).with_name("synonyms.txt")
LONGEST = 4
"""Words of a phrase that has synonyms."""

Phrase = tuple[str, ...]
Groups = dict[Phrase, tuple[Phrase, ...]]


def own_file() -> Path:
    """Return where a user writes further synonyms."""
    return user_config() / "sessiondb" / "synonyms.txt"


def synonyms(words: Sequence[str]) -> Iterator[tuple[Phrase, tuple[Phrase, ...]]]:
    """Yield each word and phrase of a text that has synonyms, as it stands there, with them.

    Raises InvalidInput where the user's file cannot be read.
    """
    groups = _groups()
    lowered = [word.lower() for word in words]
    for size in range(1, LONGEST + 1):
        for start in range(len(lowered) - size + 1):
            phrase = tuple(lowered[start : start + size])
            for key in _keys(phrase):
                if key in groups:
                    yield phrase, tuple(other for other in groups[key] if other not in (key, phrase))
                    break


def _keys(phrase: Phrase) -> Iterator[Phrase]:
    """Yield a phrase, then what it may be a form of: of several words the first or the last is inflected."""
    yield phrase
    yield from ((base, *phrase[1:]) for base in base_forms(phrase[0])[1:])
    if len(phrase) > 1:
        yield from ((*phrase[:-1], base) for base in base_forms(phrase[-1])[1:])


@cache
def _groups() -> Groups:
    groups: dict[Phrase, dict[Phrase, None]] = {}
    for line in _lines():
        members = [tuple(tokens(member.lower())) for member in line.split(",")]
        members = [member for member in members if member]
        for member in members:
            groups.setdefault(member, {}).update(dict.fromkeys(members))
    return {key: tuple(others) for key, others in groups.items()}


def _lines() -> Iterable[str]:
    text = SHIPPED.read_text(encoding="utf-8")
    path = own_file()
    try:
        text += "\n" + path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read ({error}): make it a text file in UTF-8") from error
    return (line for line in text.splitlines() if not line.lstrip().startswith("#"))
