"""The keys, as in less and vim, and with arrows."""

from __future__ import annotations

from textual.binding import Binding, BindingType

MOVES: list[BindingType] = [
    Binding("j,down,ctrl+n", "move(1)", "down"),
    Binding("k,up,ctrl+p", "move(-1)", "up"),
    Binding("space,f,pagedown,ctrl+f", "page(1)", "page down"),
    Binding("b,pageup,ctrl+b", "page(-1)", "page up"),
    Binding("d,ctrl+d", "page(0.5)", "half a page down"),
    Binding("u,ctrl+u", "page(-0.5)", "half a page up"),
    Binding("g,home", "edge(False)", "first"),
    Binding("G,end", "edge(True)", "last"),
]

LIST_KEYS: list[BindingType] = [*MOVES, Binding("enter,l,right,o", "open", "open")]

READER_KEYS: list[BindingType] = [
    *MOVES,
    Binding("enter,o", "fold", "fold or unfold, open a sub-agent"),
    Binding("z,tab", "fold_all", "fold or unfold all"),
    Binding("n", "hit(1)", "next hit"),
    Binding("N,p", "hit(-1)", "previous hit"),
    Binding("right_square_bracket,J,shift+down", "turn(1)", "next turn"),
    Binding("left_square_bracket,K,shift+up", "turn(-1)", "previous turn"),
]

DEEDS: list[BindingType] = [
    Binding("t", "tag", "tags"),
    Binding("e", "title", "title"),
    Binding("asterisk,m", "pin", "pin"),
    Binding("X", "end", "end"),
    Binding("w", "export", "write to a file"),
    Binding("y", "copy", "copy the id"),
    Binding("r", "resume", "resume"),
    Binding("s", "family", "sub-agents"),
    Binding("question_mark,f1", "help", "help"),
    Binding("Q", "app.quit", "quit"),
]

HELP = """\
Moving
  j k  ↓ ↑             a line down, up
  space b  PgDn PgUp   a page down, up (also f, Ctrl-F, Ctrl-B)
  d u                  half a page down, up (also Ctrl-D, Ctrl-U)
  g G  Home End        to the first, to the last

In the list
  /                    filter: words, "phrases", agent: tag: and
                       all else that `search` takes
  Enter l →            open the session
  a                    list sub-agents too, or fold them
  Esc                  leave the filter, then clear it
  q                    quit

In a session
  /                    search in it
  n N                  to the next hit, to the one before
  ] [  J K             to a person's next turn, to the one before
  Enter o              fold or unfold; open a sub-agent
  z Tab                fold or unfold everything
  q Esc h ←            back

With the session
  t   tags             e   title
  m   pin or unpin     X   end it
  y   copy its id      r   resume it in its agent
  s   sub-agents       w   write it to a file: .html, .md, .jsonl
  ?   this help        Q   quit
"""


def whole_keys(keys: str, room: int) -> str:
    """Return keys, two blanks between them, as many as there is room for."""
    while len(keys) > room and "  " in keys:
        keys = keys.rpartition("  ")[0]
    return keys
