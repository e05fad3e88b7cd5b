"""Text as the search indexes see it: its tokens, and the segmented form of what SQLite cannot split."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from sessiondb.errors import InvalidInput

# Inclusive ranges of code points of which each is a token of its own: scripts written without spaces, and
# Hangul, whose words carry their particles with them.
SPACED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul jamo
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0xA4CF),  # kana, bopomofo, Han, Yi and the marks between them
    (0xA960, 0xA97F),  # Hangul jamo, extended
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),  # Han, compatibility forms
    (0xFF66, 0xFFDC),  # halfwidth katakana and Hangul
    (0x1B000, 0x1B16F),  # kana, supplement
    (0x20000, 0x3FFFF),  # Han, extensions
)

# Inclusive ranges of code points that are optional in writing and would split or change a word: dropped.
STRIPPED_RANGES = (
    (0x0591, 0x05BD),  # Hebrew points and accents, around the punctuation between them
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C2),
    (0x05C4, 0x05C5),
    (0x05C7, 0x05C7),
    (0x0610, 0x061A),  # Arabic marks; 0640 is tatweel
    (0x0640, 0x0640),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E8),
    (0x06EA, 0x06ED),
    (0x08CA, 0x08FF),
)

# Hebrew to extended Arabic: a word typed without marks must find the one written with them.
_QUERY_RANGES = (*SPACED_RANGES, (0x0591, 0x08FF))
_SEGMENTED_RANGES = SPACED_RANGES + STRIPPED_RANGES

_FUNCTION_WORDS = """
a an the this that these those such same other another each every any some all both few more most much
many i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she
her hers herself it its itself they them their theirs themselves someone something anyone anything
am is are was were be been being do does did doing done have has had having
can could will would shall should might must ought cannot let lets got
and or but nor if then else than because since while although though unless so as
of at by for with without about against between into through during before after above below to from up
down in out on off over under upon within along across toward towards per via
again further once here there now just only very too also still yet ever even already rather quite
no not yes
who whom whose which what when where why how whatever whenever wherever whoever
s t d m ll re ve don doesn didn isn aren wasn weren hasn haven hadn wouldn couldn shouldn mustn ain
please tell
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())

_ASCII_BYTES = bytes(range(128))
# The first bytes, in UTF-8, of the characters for which a text is segmented: accents, arrows and boxes have others.
_FIRST_BYTES = {*range(0xD6, 0xDC), 0xE0, 0xE1, *range(0xE3, 0xF1)}
_OTHER_BYTES = bytes(byte for byte in range(256) if byte not in _FIRST_BYTES)


# What unicode61 takes for a token (asked SQLite 3.40.1 for every code point): letters, digits and private use
# begin one, 25 combining marks may only continue it. SQLite's tables end with Unicode 6.1 and take any later
# character for a letter; here later symbols are none, so that all emoji are left out of a query alike.
_LETTER = "[^\\W_]|[\ue000-\uf8ff\U000f0000-\U0010ffff]"
_MARK = "[\u0300-\u0304\u0306-\u030c\u030f\u0311\u031b\u0323-\u0328\u032d\u032e\u0330\u0331]"
_TOKEN = f"(?:{_LETTER})(?:{_LETTER}|{_MARK})*"
_ASCII_TOKEN = "[0-9A-Za-z]+"


def token_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of the tokens of a text; that of all letters takes a millisecond to compile."""
    return re.compile(_ASCII_TOKEN if text.isascii() else _TOKEN)


@cache
def _one_of(ranges: tuple[tuple[int, int], ...]) -> re.Pattern[str]:
    """Return the pattern of one character of some ranges; compiled (3 ms) when the first text needs it."""
    return re.compile("[{}]".format("".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)))


def clean(text: str) -> str:
    """Return text that SQLite can bind: a space for each NUL, U+FFFD for each lone surrogate.

    Raises InvalidInput for what is no text.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"a search query must be a text, not {type(text).__name__}")
    text = text.replace("\0", " ")
    return text if text.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", text)


def tokens(text: str) -> list[str]:
    """Return the tokens that unicode61 finds in a text, as written: case, accents and endings untouched."""
    return token_pattern(text).findall(text)


def needs_segments(text: str) -> bool:
    """Tell whether a text has to be indexed in segmented form to be found.

    ASCII costs nothing. Other text is looked at as bytes first, which is three times faster than letting the
    regular expression walk over it.
    """
    if text.isascii():
        return False
    encoded = text.encode("utf-8", "surrogatepass")
    if not encoded.translate(None, _OTHER_BYTES):
        return False
    rest = encoded.translate(None, _ASCII_BYTES)
    return _one_of(_SEGMENTED_RANGES).search(rest.decode("utf-8", "surrogatepass")) is not None


def needs_segments_query(text: str) -> bool:
    """Tell whether a word may stand in segmented texts only: as needs_segments, or unmarked as well."""
    return not text.isascii() and _one_of(_QUERY_RANGES).search(text) is not None


def is_spaced(text: str) -> bool:
    """Tell whether a text holds any character of SPACED_RANGES."""
    return not text.isascii() and _one_of(SPACED_RANGES).search(text) is not None


def strip_marks(text: str) -> str:
    """Return a text without the optional marks of Hebrew and Arabic."""
    return text if text.isascii() else _one_of(STRIPPED_RANGES).sub("", text)


def without_accents(text: str) -> str:
    """Return a text with each accented letter as its base letter, in its place."""
    from unicodedata import normalize

    return text.translate({ord(character): normalize("NFD", character)[0] for character in set(text)})


def loose_pattern(text: str) -> str:
    """Return a regular expression for a text with or without the optional marks of Hebrew and Arabic."""
    if text.isascii() or not needs_segments_query(text) or is_spaced(text):
        return re.escape(text)
    marks = f"{_one_of(STRIPPED_RANGES).pattern}*"
    return "".join(f"{re.escape(letter)}{marks}" for letter in strip_marks(text))


def segment(text: str) -> str:
    """Return a text with each character of SPACED_RANGES set apart by spaces and STRIPPED_RANGES left out.

    Pairs of spaces become one; all other text stays as it is: `修改youer服务端` -> `修 改 youer 服 务 端`.
    """
    if not text.isascii():
        text = _one_of(SPACED_RANGES).sub(r" \g<0> ", strip_marks(text))
    return text.replace("  ", " ").strip(" ")


def pairs(text: str) -> list[str]:
    """Return the tokens of a text's segmented form, set-apart characters as overlapping pairs of neighbours.

    `修改youer服务端` -> `修 改`, `youer`, `服 务`, `务 端`; a character that stands alone is returned alone.
    """
    found: list[str] = []
    run: list[str] = []
    for token in [*tokens(segment(text)), ""]:
        if is_spaced(token):
            run.append(token)
            continue
        found += [f"{first} {second}" for first, second in pairwise(run)] or run
        run = []
        if token:
            found.append(token)
    return found
