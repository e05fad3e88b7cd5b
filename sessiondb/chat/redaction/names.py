"""Secrets that are known by what they are called: `password: ...`, `?api_key=...`, `--token ...`, `Cookie: ...`.

A name alone proves little: code is full of `token = tokens[0]`. So the value is looked at too, the more closely
the less its surroundings say: in a URL or after an option nearly anything is a secret; what code assigns to a
name must look as if it was drawn by lot.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from itertools import pairwise

_KEYS = (
    "api access account private secret encryption signing master shared storage auth app application consumer"
    " deploy subscription license admin service integration webhook ingest write project"
)
# What such a name ends with; they are looked for in the text in lower case.
_ENDINGS = re.compile(
    rf"(?:{'|'.join(_KEYS.split())})[ _.-]?key"
    r"|password|passwd|passphrase|passcode|pwd|pass|secret|token|credential"
    r"|_auth|x-[a-z]{1,20}-(?:auth|key)|signature|(?<=[?&])(?:sig|key|auth|code)|cookie"
)
# Of these each such ending holds one, and they are found many times faster.
_HINTS = (
    "key", "pass", "pwd", "secret", "token", "credential", "auth", "signature", "cookie",
    "?sig", "&sig", "?code", "&code",
)  # fmt: skip
_BEFORE_HINT, _BEHIND_HINT = 24, 10
"""Characters before and behind the begin of a hint within which the whole of an ending stands: `x-` and 20 letters and
`-` before `key`, the whole of `passphrase`."""

_QUOTE = r"\\{0,3}[\"'`]"
_REST = r"(?:[_-](?i:base|value|b64|prod|production|dev|staging|test|live|old|new|\d{1,2}))?(?!\w)"
_ASSIGNED = re.compile(
    rf"{_REST}(?:{_QUOTE})?\]?(?P<gap>[ \t]{{0,20}})(?P<sign>=>|:=|=|:)(?P<space>\s{{0,20}})(?P<quote>{_QUOTE})?"
)
_LISTED = re.compile(rf"{_REST}{_QUOTE}, ?(?P<quote>{_QUOTE})")
_SAID = re.compile(rf"{_REST},?(?: is| was| to)(?: now)?:? {{1,4}}(?P<quote>{_QUOTE})?")
_SPACED = re.compile(rf"{_REST} {{1,8}}(?P<quote>{_QUOTE})?")
_ELEMENT = re.compile(r"(?: [^<>]{0,80})?>(?P<quote>)")
_VALUE = re.compile(r"[^\s\"'`\\<>(){}\[\],;&|]{4,1000}")
_QUOTED = re.compile(rf"[^\s\"'`\\<>]{{6,1000}}(?={_QUOTE})")
# What stands between a name and its value.
_SIGN = re.compile(r"[:=,>\s]")
_HEADER = re.compile(rf"(?:{_QUOTE})?\s{{0,4}}[:=]\s{{0,4}}(?:{_QUOTE})?")
_COOKIE = re.compile(r"[\w.%-]{1,80}(?:=(?P<value>[^\s;\"'\\,]{0,4000}))?(?:; ?|(?=[\s\"'\\,]|\Z))")

# No value but a place where one comes from: a variable, a path, a number, a row of one character.
_REFERENCE = re.compile(
    r"[${<\[*#]|%[(s]|%[A-Za-z_]+%|(?:\.{0,2}|~)/[a-z._-]+(?:/[\w.~-]*)*\Z|https?:|[\d.,:_/-]+\Z|(.)\1*\Z"
)
_PLACEHOLDER = re.compile(
    r"x{4}|X{4}|\*{3}|\.{3}"
    r"|(?i:your|example|placeholder|change-?_?me|redacted|dummy|secret|passw|token|string)"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\Z")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
_NAME_CHARACTERS = string.ascii_letters + string.digits + "_.$-"
_LINE_START = re.compile(r"(?:\A|[\r\n]|\\n)[ \t]*(?:- |export |[\"'`])?\Z")
_OPTION_START = re.compile(r"(?:\A|[\s\"'`])--?[\w-]*\Z")
_LOGIN = re.compile(r"\blogin +\S+ +\Z")
_BEFORE = 60
"""Characters that are looked at before a name."""

_LOOKED_AT = 100
"""Characters by which a value is judged."""


def without_named(text: str) -> str:
    """Return the text with the values replaced that are named like a secret."""
    if not _SIGN.search(text):
        return text
    pieces: list[str] = []
    done = 0
    for begin, end in _values(text):
        if begin >= done:
            pieces += [text[done:begin], "[redacted:secret]"]
            done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _values(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the values begin and end, in their order."""
    lowered = text.lower()
    if len(lowered) != len(text):
        # A few characters are two in lower case.
        lowered = "".join(map(_lower, text))
    passed = 0
    for match in _endings(lowered):
        if match.start() < passed:
            continue
        if match[0] == "cookie":
            yield from _cookies(text, match.end())
            continue
        begin, end, is_secret = _value(text, match)
        if is_secret:
            yield begin, end
        elif end - begin > _LOOKED_AT:
            # A row of names that are each other's values would be looked at again and again.
            passed = end


def _endings(lowered: str) -> Iterator[re.Match[str]]:
    """Yield all endings of names, in their order: only what is around a hint is looked at closely."""
    places = []
    for hint in _HINTS:
        at = lowered.find(hint)
        while at >= 0:
            places.append(at)
            at = lowered.find(hint, at + len(hint))
    places.sort()
    begin = end = 0
    for at in places:
        if at - _BEFORE_HINT > end:
            yield from _ENDINGS.finditer(lowered, begin, end)
            begin = at - _BEFORE_HINT
        end = at + _BEHIND_HINT
    yield from _ENDINGS.finditer(lowered, max(0, begin), end)


def _lower(character: str) -> str:
    return character.lower() if len(character.lower()) == 1 else character


def _value(text: str, name: re.Match[str]) -> tuple[int, int, bool]:
    """Return where the value of a name begins and ends, if it has any, and whether it is a secret."""
    at, end = name.span()
    before = text[max(0, at - _BEFORE) : at]
    begin = rest = end
    for pattern, is_secret in _PLACES:
        place = pattern.match(text, end)
        found = (_QUOTED if place["quote"] else _VALUE).match(text, place.end()) if place else None
        if place is None or found is None:
            continue
        value = found[0] if place["quote"] else found[0].rstrip(".:")
        begin, rest = place.end(), place.end() + len(value)
        if is_secret(before, name[0], place, value, text[rest : rest + 1]):
            return begin, rest, True
    return begin, rest, False


def _is_assigned(before: str, name: str, place: re.Match[str], value: str, after: str) -> bool:
    if place["quote"]:
        return _is_quoted_secret(before, name, value)
    if (after and after in "([{") or _DOTTED.match(value):  # a call, a look-up, an attribute
        return False
    beginning = before.rstrip(_NAME_CHARACTERS)
    is_tight = place["sign"] == "=" and not place["gap"] and not place["space"]
    if is_tight and beginning.endswith(("?", "&", ";")):
        return _is_given(value)
    if place["sign"] == ":" and name.startswith("pass") and _has_digit(value):
        return True
    if after and after not in " \t\r\n\"'`;&|\\":
        return _is_random(value)
    if is_tight:  # as shells and settings have it
        return _has_digit(value) or _is_random(value)
    if _LINE_START.search(beginning) and _has_digit(value):
        return not _IDENTIFIER.match(value) or _is_random(value)
    return _is_random(value)


def _is_listed(before: str, name: str, place: re.Match[str], value: str, after: str) -> bool:
    return _is_random(value)


def _is_said(before: str, name: str, place: re.Match[str], value: str, after: str) -> bool:
    is_end = not after or after in " \t\r\n.,;:!?\"'`)\\"
    return is_end and (_has_digit(value) or _is_random(value))


def _is_spaced(before: str, name: str, place: re.Match[str], value: str, after: str) -> bool:
    """Say so of `--password x`, of `login ann password x` in a .netrc, and of `set API_KEY x`."""
    if _OPTION_START.search(before):
        return not value.startswith("-") and _is_given(value)
    if _LOGIN.search(before):
        return _is_given(value)
    return len(value) >= 12 and _is_random(value) and any(map(str.isdigit, value))


def _is_element(before: str, name: str, place: re.Match[str], value: str, after: str) -> bool:
    return after == "<" and _is_given(value)


# Where the value of a name may stand, from the surest to the weakest:
#
#     password: x   token = "x"   ?key=x     assigned
#     "API_KEY", "x"                         listed, as in calls
#     the password is x                      said
#     --password x   set API_KEY x           spaced
#     <password>x</password>                 an element
_PLACES = (
    (_ASSIGNED, _is_assigned),
    (_LISTED, _is_listed),
    (_SAID, _is_said),
    (_SPACED, _is_spaced),
    (_ELEMENT, _is_element),
)


def _is_quoted_secret(before: str, name: str, value: str) -> bool:
    if _has_digit(value) and len(value) >= 8:
        return True
    is_bare = name in ("token", "pass", "signature", "credential", "_auth") and not before[-1:].isalpha()
    return not (is_bare and before[-1:] != "_") and _is_given(value)


def _is_given(value: str) -> bool:
    """Say whether a value is one, and no reference to one or room for one."""
    return len(value) >= 6 and not _REFERENCE.match(value) and not _PLACEHOLDER.search(value)


_WITHOUT_SIGNS = str.maketrans("", "", "_-./:")


def _has_digit(value: str) -> bool:
    """Say whether a value has digits, or signs, between its letters, as no word and few names have."""
    looked_at = value[:_LOOKED_AT]
    has_letter = any(map(str.isalpha, looked_at))
    return has_letter and not looked_at.translate(_WITHOUT_SIGNS).isalpha() and _is_given(looked_at)


def _is_random(value: str) -> bool:
    """Say whether a value looks drawn by lot: it changes between cases, letters and digits again and again."""
    if len(value) < 8 or not _is_given(value[:_LOOKED_AT]):
        return False
    # "aB3xY9" changes 5 times in 6 characters, "getUserToken" 4 times in 12, "password" never.
    kinds = [_kind(character) for character in value[:_LOOKED_AT] if character.isalnum()]
    changes = sum(one != other for one, other in pairwise(kinds))
    has_digit = "0" in kinds
    # Words in camelCase change in a third of their places, random letters in half, with digits more.
    return len(value) >= (8 if has_digit else 16) and changes >= (0.25 if has_digit else 0.42) * len(kinds)


def _kind(character: str) -> str:
    return "0" if character.isdigit() else "A" if character.isupper() else "a"


def _cookies(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Yield where the values of a cookie header begin and end, from behind its name on."""
    place = _HEADER.match(text, at)
    while place is not None:
        place = _COOKIE.match(text, place.end())
        if (
            place is not None
            and place["value"]
            and (_has_digit(place["value"]) or _is_random(place["value"]))
        ):
            yield place.span("value")
