"""Which characters are not to be seen, and where they are needed all the same.

What has no width and no shape can hide text from whoever reads it, such as orders to a model in tag characters, or make
two names look alike. It is shown as an escape, but where a script or an emoji cannot do without it:

    joiner, non-joiner        after a letter of Arabic, Persian, an Indic or another script that joins; a joiner
                              between two emoji
    zero width space          between letters of scripts without spaces (Thai, Lao, Burmese, Khmer)
    left/right-to-left marks  in text that has letters from right to left
    variation selectors       one, after an emoji, a symbol, a keycap or a Han character
    tag characters            in the flags of England, Scotland and Wales
    free variation selectors  after a Mongolian letter

The kinds are those of Unicode 15: Default_Ignorable_Code_Point, with the controls and the annotations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, cached_property

_RIGHT_TO_LEFT = (
    "\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
)
_MARKS = "\u061c\u200e\u200f"
_JOINING = (
    "\u0620-\u08ff\u0900-\u109f\u1780-\u17b3\u17b6-\u17ff\u1800-\u180a\u1810-\u18af\u1a00-\u1aff\u1b00-\u1cff"
    "\ua800-\ua8ff\ua980-\ua9ff\uaa00-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
)
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff"
_EMOJI = "\u00a9\u00ae\u2000-\u200a\u203c-\u205f\u2070-\u3299\U0001f000-\U0001faff"
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
_NEEDED = (
    _FLAGS,
    f"(?<=[{_JOINING}])[\u200c\u200d]",
    f"(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])",
    f"(?<=[{_UNSPACED}])\u200b(?=[{_UNSPACED}])",
    f"(?<=[{_EMOJI}{_HAN}])[\ufe00-\ufe0f]",
    "(?<=[0-9#*])\ufe0f(?=\u20e3)",
    f"(?<=[{_HAN}])[\U000e0100-\U000e01ef]",
    "(?<=[\u1820-\u18af])[\u180b-\u180d\u180f]",
)

# C0 but for tab and newline; DEL and C1, which JSON lets through; what turns the direction of the text around it, or
# ends a line; lone surrogates; and what is not to be seen.
_C0 = "\0-\x08\x0b-\x1f"
_DELETE = "\x7f"
_REST = (
    "\x80-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

# What can be told to be harmless at a glance: European letters, and the dashes, dots and lines of our own output. It is
# looked for first, as the sets take a millisecond to compile.
_SEEN = "\t\n -~\xa0-\xac\xae-\u034e\u2010-\u2027\u2500-\u259f"


class Unseen:
    """What is shown as an escape, in texts of one kind: the `plain` characters, of ASCII, and others, each as a regular
    expression has them in a set.

    The sets are large, and most text is plain: each is compiled when a text first needs it.
    """

    def __init__(self, plain: str, characters: str) -> None:
        self._characters = plain + characters
        self._in_plain = re.compile(f"[{plain}]")

    @cached_property
    def _any(self) -> re.Pattern[str]:
        return re.compile(f"[{self._characters}{_MARKS}]")

    @cached_property
    def _from_left(self) -> re.Pattern[str]:
        return re.compile(f"(?P<needed>{'|'.join(_NEEDED)})|[{self._characters}{_MARKS}]")

    @cached_property
    def _from_right(self) -> re.Pattern[str]:
        return re.compile(f"(?P<needed>{'|'.join(_NEEDED)})|[{self._characters}]")

    def escaped(self, text: str, escape: Callable[[str], str]) -> str:
        """Return the text with each such character as `escape` writes it."""
        if text.isascii():
            return self._in_plain.sub(lambda match: escape(match[0]), text)
        if re.fullmatch(f"[{_SEEN}]*", text) or not self._any.search(text):
            return text
        pattern = self._from_right if _from_right_to_left().search(text) else self._from_left
        return pattern.sub(lambda match: match["needed"] or escape(match[0]), text)


@cache
def _from_right_to_left() -> re.Pattern[str]:
    return re.compile(f"[{_RIGHT_TO_LEFT}]")


IN_TEXT, IN_JSON = Unseen(_C0 + _DELETE, _REST), Unseen(_DELETE, _REST)
