"""What a sentence says besides its words: whether it asks, and of what time it speaks."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import NamedTuple

from sessiondb.query.parse import And, Query, Term
from sessiondb.query.text import STOP_WORDS, tokens

_INTERROGATIVES = {"who", "whom", "whose", "what", "which", "when", "where", "why", "how"}
_AUXILIARIES = {
    *("did", "does", "do", "is", "are", "was", "were", "has", "have", "had"),
    *("can", "could", "would", "will", "should"),
}
# A sentence has so many words, and so many function words among them, however it begins.
_SENTENCE_WORDS, _SENTENCE_STOP_WORDS = 4, 2

# What happened is often told some days later.
AFTERMATH = timedelta(days=10)
_AFTERMATH_CLOSENESS = 0.5

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# No time is named without one of these: where there is none, no pattern need be compiled.
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""The months that seasons begin in, north of the equator."""
_HINTS = ("19", "20", "today", "yesterday", "this ", "last ", "past ", " ago", *_SEASONS, *_MONTHS)
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_YEAR = r"(?P<year>(?:19|20)[0-9]{2})\b"
_DAY = r"\b(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?\b"
_PREPOSITION = r"\b(?:in|of|since|during|by|until|from|before|after|around|through|early|mid|late|last)[ -]"
# "may" and "march" are words as well: a month stands next to a number, or behind a word that a time follows.
_DATES = (
    rf"{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?",
    rf"\b{_MONTH} {_DAY}(?:,? {_YEAR})?",
    rf"\b{_MONTH},?(?: of)? {_YEAR}",
    rf"\b{_YEAR}-(?P<number>0[1-9]|1[0-2])(?:-(?P<day>[0-3][0-9]))?\b",
    rf"{_PREPOSITION}{_MONTH}",
    rf"{_PREPOSITION}{_YEAR}",
)
_RELATIVE = r"\b(today|this morning|yesterday|last night|(?:this|last) (?:week|month|year))\b"

_NUMBERS = {
    word: number
    for number, words in enumerate(("a an one", "two couple", "three few", "four", "five", "six"), 1)
    for word in words.split()
}
_COUNT = rf"(?:a )?(?P<count>[0-9]{{1,3}}|{'|'.join(_NUMBERS)})(?: of)? (?P<unit>day|week|month|year)s?"
_AGO = rf"\b{_COUNT} ago\b"
_SO_FAR = rf"\b(?:last|past) {_COUNT}\b"
_SEASON = (
    rf"\b(?P<which>in|during|since|of|this|last)(?: the| early| late)? (?P<season>{'|'.join(_SEASONS)})\b"
    rf"(?: of)?(?: {_YEAR})?"
)
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


class Period(NamedTuple):
    """The days from `first` to `last`; where no year was named, those days of any year."""

    first: date
    last: date
    is_yearly: bool = False

    def closeness(self, day: date) -> float:
        """Return 1 for a day of the period, a half for one soon after it, else 0."""
        if not self.is_yearly:
            return self._closeness(self.first, self.last, day)
        length = self.last - self.first
        firsts = [self.first.replace(year=year) for year in (day.year, max(day.year - 1, 1))]
        return max(self._closeness(first, first + length, day) for first in firsts)

    @staticmethod
    def _closeness(first: date, last: date, day: date) -> float:
        if day < first or day > last + AFTERMATH:
            return 0.0
        return 1.0 if day <= last else _AFTERMATH_CLOSENESS


def is_question(query: Query) -> bool:
    """Tell whether a query is a sentence that asks, in words of its own rather than those of the answer.

    It ends with a question mark, or begins as questions do and has a further function word: `where do we
    keep the tests`, not `where clause sqlite`. Phrases, prefixes, exclusions and alternatives are meant as
    they are written: they make no question.
    """
    if len(query.words) < 2 or not is_plain(query):
        return bool(query.words) and query.text.rstrip().endswith("？")
    if query.text.rstrip().endswith(("?", "？")):
        return True
    words = [word.lower() for term in query.words for word in tokens(term.text)]
    if len(words) < 3:
        return False
    stops = sum(word in STOP_WORDS for word in words)
    if len(words) >= _SENTENCE_WORDS and stops >= _SENTENCE_STOP_WORDS:
        return True
    asks = words[0] in _INTERROGATIVES | _AUXILIARIES or words[1] in _INTERROGATIVES
    return asks and any(word in STOP_WORDS for word in words[1:])


def is_plain(query: Query) -> bool:
    """Tell whether a query is nothing but words: phrases, prefixes and operators are meant as they are written."""
    nodes = query.root.nodes if isinstance(query.root, And) else (query.root,)
    return all(isinstance(node, Term) and node.kind == "word" for node in nodes)


def period_of(text: str, today: date) -> Period | None:
    """Return the time that a sentence names, as in `in May 2023`, `on 3 July`, `last week`; None for none."""
    text = text.lower()
    if not any(hint in text for hint in _HINTS):
        return None
    relative = re.search(_RELATIVE, text)
    if relative:
        return _relative(relative[1], today)
    counted = re.search(_AGO, text) or re.search(_SO_FAR, text)
    if counted:
        return _counted(counted["count"], counted["unit"], counted[0].endswith("ago"), today)
    season = re.search(_SEASON, text)
    if season:
        return _season(season["which"], season["season"], season["year"], today)
    for pattern in _DATES:
        for match in re.finditer(pattern, text):
            period = _period(match.groupdict())
            if period:
                return period
    return None


def _period(found: dict[str, str | None]) -> Period | None:
    year, day = found.get("year"), found.get("day")
    month = found.get("number") or found.get("month")
    # Without a year, 29 February has to exist.
    full_year = int(year or 2000)
    number = _MONTHS.index(month[:3]) + 1 if month and month[0].isalpha() else int(month or 1)
    try:
        first = date(full_year, number, int(day or 1))
    except ValueError:
        return None
    if day:
        last = first
    elif month:
        last = _next_month(first) - timedelta(days=1)
    else:
        last = date(full_year, 12, 31)
    if year is None and (first.month, first.day) == (2, 29):
        first = last = date(2000, 2, 28)
    return Period(first, last, year is None)


def _counted(count: str, unit: str, is_ago: bool, today: date) -> Period:
    """Return the days about some days, weeks or months ago, or those since then."""
    days = min(_NUMBERS.get(count) or int(count), 99) * _DAYS[unit]
    moment = date.fromordinal(max(today.toordinal() - days, 1))
    if not is_ago:
        return Period(moment, today)
    about = timedelta(days=_DAYS[unit] // 2)
    return Period(max(moment, date.min + about) - about, moment + about)


def _season(which: str, season: str, year: str | None, today: date) -> Period:
    """Return the three months of a season: of its year, the last one that began, or of any year."""
    first = date(int(year or 2000), _SEASONS[season], 1)
    if year is None and which in ("this", "last"):
        first = first.replace(year=today.year)
        latest = today if which == "this" else today - timedelta(days=91)
        first = first if first <= latest else first.replace(year=max(today.year - 1, 1))
        return Period(first, _next_month(_next_month(_next_month(first))) - timedelta(days=1))
    return Period(first, _next_month(_next_month(_next_month(first))) - timedelta(days=1), year is None)


def _next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _relative(words: str, today: date) -> Period:
    which, _, unit = words.rpartition(" ")
    is_last = which == "last" or unit == "yesterday"
    if unit == "week":
        first = today - timedelta(days=today.weekday() + 7 * is_last)
        return Period(first, first + timedelta(days=6))
    if unit == "month":
        first = today.replace(day=1)
        first = (first - timedelta(days=1)).replace(day=1) if is_last else first
        return Period(first, _next_month(first) - timedelta(days=1))
    if unit == "year":
        year = today.year - is_last
        return Period(date(year, 1, 1), date(year, 12, 31))
    day = today - timedelta(days=is_last)
    return Period(day, day)
