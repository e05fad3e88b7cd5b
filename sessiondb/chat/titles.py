"""What a message gives as the title of its session: the beginning of what was typed, or the command that it is.

    Where is the lantern?                            Where is the lantern? I keep it in the shed.
    I keep it in the shed.

    <system-reminder>...</system-reminder>           Where is the lantern?
    Where is the lantern?

    <command-name>/review</command-name>             /review look at the parser
    <command-args>look at the parser</command-args>

    <command-name>/clear</command-name>              /clear, where nothing better is said
    <bash-input>ls</bash-input>                      ! ls, likewise

A session is called by the first message that says something to a model. What the program answers itself, such as
`/clear`, is a last resort.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sessiondb.chat.text import ELLIPSIS

TITLE_LENGTH = 100

# How much of a long text is looked at.
_LOOKED_AT = 10 * TITLE_LENGTH
# A title is cut at a word, unless that would take much of it.
_LEAST = 60

# Elements that programs put into a prompt, or in place of one: nothing in them was said by anybody.
_REMINDERS = (
    "system-reminder", "system_reminder", "local-command-caveat", "local-command-stdout", "local-command-stderr",
    "bash-stdout", "bash-stderr", "ide_opened_file", "ide_selection", "ide_diagnostics", "environment_context",
    "environment_details", "user_instructions", "user-prompt-submit-hook", "task-notification",
)  # fmt: skip
_REMINDER = re.compile(rf"<({'|'.join(_REMINDERS)})(?:\s[^<>]*)?>.*?(?:</\1>|\Z)", re.DOTALL)
# Any other element of that kind at the beginning goes before what follows it; where nothing does, it is the prompt.
_ELEMENT = re.compile(r"\s*<([a-z]+(?:[-_][a-z]+)+)(?:\s[^<>]*)?>")
_COMMAND = re.compile(r"<command-name>\s*/?(.*?)\s*</command-name>", re.DOTALL)
_ARGUMENTS = re.compile(r"<command-args>(.*?)(?:</command-args>|\Z)", re.DOTALL)
_SHELL = re.compile(r"<bash-input>(.*?)(?:</bash-input>|\Z)", re.DOTALL)
_WORD = re.compile(r"\w")
_SEEN = re.compile(r"\S")

# What programs answer to themselves, by their documentation: Claude Code, Codex, Gemini CLI, Qwen Code, Aider.
_LOCAL = frozenset((
    "about", "add", "add-dir", "agents", "approvals", "apps", "architect-mode", "auth", "bashes", "bug",
    "chat-mode", "clear", "code-mode", "color", "compact", "compress", "config", "context", "copy", "cost",
    "desktop", "diff", "directory", "docs", "doctor", "drop", "editor", "editor-model", "effort", "exit", "export",
    "extensions", "extra-usage", "fast", "feedback", "fork", "git", "help", "history", "hooks", "ide", "ignore",
    "install-github-app", "keybindings", "load", "login", "logout", "ls", "map", "map-refresh", "mcp", "memory",
    "mobile", "model", "models", "multiline-mode", "output-style", "permissions", "personality", "plugin",
    "privacy", "privacy-settings", "ps", "quit", "quota", "read-only", "release-notes", "reload", "rename",
    "report", "reset", "restore", "resume", "rewind", "run", "sandbox-mode", "save", "settings", "setup-github",
    "skills", "stats", "status", "statusline", "stickers", "stop", "tag", "tasks", "terminal-setup", "theme",
    "think-tokens", "todos", "tokens", "tools", "undo", "upgrade", "usage", "vim", "voice", "weak-model",
))  # fmt: skip
_SHELL_MARKS = ("! ", "$ ")


def title_of(role: str, content: str | None, metadata: Any) -> str:
    """Return what a message gives as a title, empty where it gives none.

    Those of a person do, unless they are of a kind of their own, and commands, as importers mark them.
    """
    kind = metadata.get("kind") if isinstance(metadata, dict) else None
    if not content or not (kind == "command" or (role == "user" and kind is None)):
        return ""
    if kind is None:
        is_marked = content.startswith(("<command-", "<bash-input>"))
        return (_command(content) if is_marked else "") or prompt_title(content)
    if content.startswith(("/", *_SHELL_MARKS)):
        return one_title(content.partition("\n")[0])
    return _command(content)


def first_title(titles: Iterable[str]) -> str:
    """Return the first title that names more than a command to the program itself; else the first, if any."""
    last_resort = ""
    for title in titles:
        if title and not is_last_resort(title):
            return title
        last_resort = last_resort or title
    return last_resort


def is_last_resort(title: str | None) -> bool:
    """Say whether a title is none, or names a command to the program itself: a further prompt gives a better one."""
    if not title or title.startswith(_SHELL_MARKS):
        return True
    return title.startswith("/") and title[1:].partition(" ")[0] in _LOCAL


def better_title(known: str | None, role: str, content: str | None, metadata: Any) -> str:
    """Return the title that a message gives a session instead of what it is called by so far, empty for no better."""
    if not is_last_resort(known):
        return ""
    title = title_of(role, content, metadata)
    return "" if known and is_last_resort(title) else title


def prompt_title(text: str) -> str:
    """Return what was typed as a title, empty for a text of nothing but space and what a program put in."""
    return one_title(_said(text))


def one_title(text: str) -> str:
    """Return a text as a title: on one line, cut at a word where it is long."""
    line = " ".join(text[:_LOOKED_AT].split())
    if len(line) <= TITLE_LENGTH:
        return line
    head = line[: TITLE_LENGTH - 1]
    at = len(head) if line[len(head)] == " " else head.rfind(" ")
    return head[: at if at >= _LEAST else len(head)] + ELLIPSIS


def _said(text: str) -> str:
    """Return the beginning of a text without what a program put into it."""
    inside, place = "", 0
    while element := _ELEMENT.match(text, place):
        close = f"</{element[1]}>"
        end = text.find(close, element.end())
        if element[1] not in _REMINDERS:
            inside = text[element.end() : end if end >= 0 else len(text)][:_LOOKED_AT]
        place = end + len(close) if end >= 0 else len(text)
    begun = _SEEN.search(text, place)
    place = begun.start() if begun else len(text)
    rest = _REMINDER.sub("", text[place : place + _LOOKED_AT])
    return rest if _WORD.search(rest) or not inside else _REMINDER.sub("", inside)


def _command(text: str) -> str:
    """Return the command that the markup of Claude Code says was typed, empty where it says none."""
    head = text[: 10 * _LOOKED_AT]
    if found := _COMMAND.search(head):
        arguments = _ARGUMENTS.search(head)
        said = prompt_title(arguments[1]) if arguments else ""
        return one_title(f"/{found[1]} {said}".strip()) if found[1] else ""
    if (found := _SHELL.search(head)) and found[1].strip():
        return one_title(f"! {found[1]}")
    return ""
