"""What a shell may complete: the candidates for a command line that ends at the cursor.

The scripts in shells/ call `sessiondb __complete LINE [WORD]`. Each line of the answer has three columns: its kind
(plain; quoted where a quote is open; file where the shell completes files itself), the value, and what it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from sessiondb.chat.text import cut, one_line, shown_title

if TYPE_CHECKING:
    from click import Group

    from sessiondb.database import SessionDB

LAST = "@last"
_ABOUT = 60
_NAMES = ("agent", "project", "model", "tag")
_FIELDS = {
    "agent": "sessions of an agent",
    "project": "of a project: a folder, or part of its path",
    "model": "of a model",
    "tag": "with a tag",
    "role": "messages of user, assistant, tool, or system",
    "tool": "calls of a tool",
    "after": "from this time on",
    "before": "before this time",
    "until": "up to the end of this time",
    "in": "talk, tools, notes, or all",
}
_VALUES = {"role": ("user", "assistant", "tool", "system"), "in": ("talk", "tools", "notes", "all")}
_TIMES = ("today", "yesterday", "this week", "last week", "this month", "last month", "24h", "7d", "30d")


def answer(arguments: Sequence[str], group: Group) -> bool:
    """Print the candidates for a line, without what stands before the word that the shell replaces."""
    line, word = (*arguments, "", "")[:2]
    words = split_arg_string(line)
    incomplete = words.pop() if words and not _is_ended(line) else ""
    # click knows the commands and their options; what it is asked for by these comes from the functions below.
    items = ShellComplete(group, {}, "sessiondb", "").get_completions(words[1:], incomplete)
    # `--agent=co`: what is completed is the value, what is inserted the whole word.
    option, equals, _ = incomplete.partition("=")
    before = option + equals if incomplete.startswith("--") and equals else ""
    kept = _kept(incomplete, word) if len(arguments) > 1 else 0
    kind = "plain" if _is_closed(line) else "quoted"
    for item in items:
        if item.type != "plain":
            print("file\t\t")
        elif str(item.value).isprintable():  # the shell writes it to the terminal as it is
            print(kind, (before + item.value)[kept:], cut(one_line(item.help or ""), _ABOUT), sep="\t")
    return True


def _is_closed(line: str) -> bool:
    """Say whether no quote is open where a line ends."""
    try:
        shlex.split(line)
    except ValueError as error:
        return "quotation" not in str(error)  # else a backslash ends it
    return True


def _is_ended(line: str) -> bool:
    """Say whether a blank, outside of quotes, ends the last word of a line."""
    return line[-1:].isspace() and split_arg_string(line + "x")[-1] == "x"


def _kept(incomplete: str, word: str) -> int:
    """Return how much of a word bash leaves as it is: it replaces what follows a colon or an equals sign."""
    if word and word not in (":", "=") and incomplete.endswith(word):
        return len(incomplete) - len(word)
    return max(incomplete.rfind(":"), incomplete.rfind("=")) + 1


def session_ids(db: SessionDB, incomplete: str) -> Iterator[CompletionItem[Any]]:
    """Yield the ids that begin so, with their titles, the newest first."""
    if LAST.startswith(incomplete):
        yield CompletionItem(LAST, help="the session that was active last")
    for id, title in db.sessions.prefixes(incomplete):
        yield CompletionItem(id, help=shown_title(title))


def names(db: SessionDB, kind: str, incomplete: str) -> Iterator[CompletionItem[Any]]:
    """Yield the names of a kind that begin so: agents, projects, models, platforms or tags."""
    yield from map(CompletionItem, _starting(db.names(kind), incomplete))


def times(incomplete: str) -> list[CompletionItem[Any]]:
    """Return times as people say them."""
    return [CompletionItem(time) for time in _TIMES if time.startswith(incomplete)]


def query_words(db: SessionDB, incomplete: str) -> Iterator[CompletionItem[Any]]:
    """Yield the fields that the last word of a query may be, or the values of the field that it is."""
    last = incomplete[max(incomplete.rfind(" "), incomplete.rfind("\t")) + 1 :]
    field, colon, value = last.removeprefix("-").partition(":")
    before = incomplete[: len(incomplete) - len(field + colon + value)]
    if not colon:
        fields = ((name, about) for name, about in _FIELDS.items() if name.startswith(field))
        yield from (CompletionItem(f"{before}{name}:", help=about) for name, about in fields)
        return
    known: Sequence[str] = db.names(field) if field in _NAMES else _VALUES.get(field, ())
    known = _TIMES if field in ("after", "since", "before", "until") else known
    for name in _starting(known, value):
        yield CompletionItem(f'{before}{field}:"{name}"' if " " in name else f"{before}{field}:{name}")


def _starting(known: Sequence[str], beginning: str) -> list[str]:
    """Return the names that begin so, upper or lower case; of paths also those whose folder begins so."""
    lowered = beginning.lower()
    found = [name for name in known if name.lower().startswith(lowered)]
    return found or [name for name in known if name.rpartition("/")[2].lower().startswith(lowered)]
