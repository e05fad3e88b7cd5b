"""Text that would drive a terminal, a kind each, and what of it may never arrive there."""

from __future__ import annotations

ESC = "\x1b"

DRIVING = frozenset(
    chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
)
"""C0, DEL, C1, line and paragraph separators, and what turns the direction of text."""

SEQUENCES = (
    f"{ESC}[2J",  # clear the screen
    f"{ESC}[H",  # cursor home
    f"{ESC}[5A{ESC}[2K",  # go up and erase
    f"{ESC}[31mred{ESC}[0m",
    f"{ESC}[8mhidden",
    f"{ESC}[?1049h",  # the alternate screen
    f"{ESC}[?25l",  # no cursor
    f"{ESC}[?1000h",  # report the mouse
    f"{ESC}[?2004h",  # bracketed paste
    f"{ESC}[6n",  # answer with the cursor's place
    f"{ESC}[21t",  # answer with the title
    f"{ESC}[c",  # answer with what it is
    f"{ESC}]0;PWNED\a",  # set the title
    f"{ESC}]2;PWNED{ESC}\\",
    f"{ESC}]8;;http://example.com{ESC}\\link{ESC}]8;;{ESC}\\",
    f"{ESC}]52;c;cm0gLXJm\a",  # write to the clipboard
    f"{ESC}]9;note\a",
    f"{ESC}]777;notify;a;b\a",
    f"{ESC}]1337;File=inline=1:AA==\a",
    f"{ESC}]4;0;rgb:0/0/0\a",
    f"{ESC}P+q544e{ESC}\\",  # ask for a capability
    f"{ESC}Pq#0;2;0;0;0{ESC}\\",  # sixel
    f"{ESC}_G{ESC}\\",
    f"{ESC}^x{ESC}\\",
    f"{ESC}Xx{ESC}\\",
    f"{ESC}c",  # reset
    f"{ESC}7{ESC}8",
    f"{ESC}(0",  # another character set
    f"{ESC}#8",
    "\x9b2J",  # the same from C1
    "\x9d0;PWNED\x9c",
    "\x90q\x9c",
    "over\rwritten",
    "back\b\b\b\bspace",
    "a\x0bb\x0cc",
    "one\x85two",
    "one\u2028two\u2029three",
    "\u202egnp.exe\u202c",
    "\u2066isolated\u2069",
    "line\nforged: no problems found",
    "tab\tstop",
)
"""A sequence of each kind that terminals obey, and what else is read as another line."""

_ALL = (*SEQUENCES, *(f"x{character}y" for character in sorted(DRIVING - {"\0", "\t", "\n"})))

PAYLOADS = tuple("|".join(_ALL[start : start + 6]) for start in range(0, len(_ALL), 6))
"""All of them and every such character, some at a time; but NUL, which no argument of a process holds."""
