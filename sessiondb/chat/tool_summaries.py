"""A tool call as one line that a person would say, and the lines that an edit takes out and puts in.

Tools are known by their names, whichever agent they belong to: `Bash`, `run_shell_command` and `shell` all run a
command. One that is not known shows its arguments.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from sessiondb.chat.text import counted, cut, one_line
from sessiondb.records import ToolCall

MAX_SUBJECT = 160
"""Characters of a command or path on the line."""
MAX_COMPARED = 400
"""Lines of an edit that are compared one by one: what is longer is shown as taken out and put in as a whole."""
_CONTEXT = 3


class Summary(NamedTuple):
    """A tool call in words: `Grep "x" (3 matches)` has the name Grep, the subject "x" and the outcome 3 matches.

    `mark` stands between name and subject: a colon before commands. `diff` are lines that begin with `+`, `-` or a
    space; `is_whole` says that nothing of the arguments is left out, `is_told` that the answer adds nothing for who
    reads what happened: a file's text, the report of an edit.
    """

    name: str
    subject: str = ""
    outcome: str = ""
    mark: str = ""
    diff: tuple[str, ...] = ()
    is_whole: bool = False
    is_told: bool = False

    @property
    def line(self) -> str:
        """Return it as one line."""
        subject = f"{self.mark} {self.subject}" if self.subject else ""
        return f"{self.name}{subject}{f' ({self.outcome})' if self.outcome else ''}"


class _Call(NamedTuple):
    call: ToolCall
    arguments: dict[str, Any]
    folder: str | None

    def text(self, *names: str) -> str:
        """Return the first argument of these names that is there, as text."""
        for name in names:
            value = self.arguments.get(name)
            if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
                return str(value)
        return ""

    def path(self) -> str:
        """Return the file or folder it is about, below the session's folder without that."""
        path = self.text(
            "file_path", "path", "filePath", "absolute_path", "notebook_path", "dir_path", "target_file"
        )
        beginning = f"{self.folder.rstrip('/')}/" if self.folder else ""
        return path.removeprefix(beginning) if beginning else path

    @property
    def lines(self) -> int:
        """Return how many lines the answer has."""
        return len((self.call.result or "").strip().splitlines())


def summary(call: ToolCall, folder: str | None = None) -> Summary:
    """Return a tool call in words, paths as seen from a folder."""
    name = one_line(call.name or "a tool")
    found = _kind(call)(_Call(call, _arguments(call.arguments), folder))
    if not found.subject and not found.diff:
        found = _other(_Call(call, _arguments(call.arguments), folder))
    outcome = ", ".join(filter(None, (found.outcome, "failed" if call.is_error else "")))
    subject = one_line(found.subject)
    whole = found.is_whole and len(subject) <= MAX_SUBJECT and "\n" not in found.subject.strip()
    return found._replace(name=name, subject=cut(subject, MAX_SUBJECT), outcome=outcome, is_whole=whole)


def details(call: ToolCall) -> str:
    """Return the arguments of a call for reading: a to-do list as such, else each by its name, texts as they are."""
    arguments = _arguments(call.arguments)
    if list(arguments) == ["input"]:
        return str(arguments["input"])
    items = _todo_items(arguments) if _kind(call) is _todo else []
    if items:
        return "\n".join(f"{_MARKS.get(state, '○')} {text}" for state, text in items)
    found = []
    for name, value in arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        found.append(f"{name}:\n{text}" if "\n" in text else f"{name}: {text}")
    return "\n".join(found)


_MARKS = {"completed": "✓", "done": "✓", "in_progress": "→"}


def _kind(call: ToolCall) -> Callable[[_Call], Summary]:
    # `run_shell_command`, `runShellCommand` and `Run-Shell-Command` are one name.
    return _KINDS.get(re.sub(r"[^a-z]", "", (call.name or "").lower()), _other)


def _arguments(text: str | None) -> dict[str, Any]:
    """Return arguments by name; plain text, and what is no object, goes by the name `input`."""
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"input": text}
    return value if isinstance(value, dict) else {"input": text}


def _command(call: _Call) -> Summary:
    found = call.arguments.get("command", call.arguments.get("cmd"))
    if isinstance(found, list):
        words = [str(word) for word in found]
        # A shell that runs one text: what it runs is the command.
        is_shell = len(words) == 3 and words[1] in ("-c", "-lc")
        command = words[2] if is_shell else shlex.join(words)
    else:
        command = call.text("command", "cmd", "script", "input", "code")
    return Summary("", command, mark=":", is_whole=len(call.arguments) == 1)


def _edit(call: _Call) -> Summary:
    edits = call.arguments.get("edits")
    diff: list[str] = []
    for edit in edits if isinstance(edits, list) else [call.arguments]:
        if isinstance(edit, dict):
            old, new = (_first_text(edit, names) for names in (_OLD, _NEW))
            diff += compared(old, new)
            if edit.get("replace_all") or edit.get("replaceAll"):
                diff.append(" (everywhere in the file)")
    return _changed(call.path(), diff)


_OLD = ("old_string", "oldString", "old_str", "old_text")
_NEW = ("new_string", "newString", "new_str", "new_text", "file_text")


def _first_text(values: dict[str, Any], names: Sequence[str]) -> str:
    return next((values[name] for name in names if isinstance(values.get(name), str)), "")


def _write(call: _Call) -> Summary:
    return _changed(
        call.path(), [f"+{line}" for line in call.text("content", "contents", "text").splitlines()]
    )


def _patch(call: _Call) -> Summary:
    text = call.text("input", "patch", "patchText", "diff")
    if not text:
        return _edit(call)
    paths = re.findall(r"^\*\*\* (?:Add|Update|Delete) File: (.+)$|^\+\+\+ (?:b/)?(\S+)", text, re.MULTILINE)
    names = [added or changed for added, changed in paths]
    diff = [
        line for line in text.splitlines() if line[:1] in ("+", "-", " ") and line[:3] not in ("+++", "---")
    ]
    return _changed(", ".join(names), diff)


def _changed(path: str, diff: list[str]) -> Summary:
    added, taken = (sum(line.startswith(sign) for line in diff) for sign in "+-")
    counts = " ".join(f"{sign}{count}" for sign, count in (("+", added), ("-", taken)) if count)
    return Summary("", path, counts, diff=tuple(diff), is_whole=bool(diff), is_told=bool(diff))


def compared(old: str, new: str) -> list[str]:
    """Return what has changed from one text to another: lines with `-`, `+`, or a space for those around."""
    before, after = old.splitlines(), new.splitlines()
    # SequenceMatcher takes the square of the lines.
    if max(len(before), len(after)) > MAX_COMPARED:
        return [f"-{line}" for line in before] + [f"+{line}" for line in after]
    found: list[str] = []
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(_CONTEXT):
        for kind, first, last, begin, end in group:
            if kind == "equal":
                found += [f" {line}" for line in before[first:last]]
            else:
                found += [f"-{line}" for line in before[first:last]] + [
                    f"+{line}" for line in after[begin:end]
                ]
    return found


def _read(call: _Call) -> Summary:
    offset, limit = call.text("offset", "start_line"), call.text("limit")
    outcome = f"from line {offset}" if offset else counted(call.lines, "line") if call.lines else ""
    if offset.isdigit() and limit.isdigit():
        outcome = f"lines {offset}-{int(offset) + int(limit) - 1}"
    return Summary("", call.path(), outcome, is_whole=len(call.arguments) == 1, is_told=bool(outcome))


def _grep(call: _Call) -> Summary:
    pattern = call.text("pattern", "query", "regex")
    where = call.path() or call.text("glob", "include")
    subject = f'"{pattern}"' + (f" in {where}" if where else "") if pattern else ""
    return Summary("", subject, _matches(call))


def _matches(call: _Call) -> str:
    result = (call.call.result or "").strip()
    if call.call.is_error or not result:
        return ""
    if re.match(r"no (?:matches|files)", result, re.IGNORECASE):
        return "0 matches"
    said = re.match(r"Found (\d+)", result)
    # A headline is none of the matches, but says how many there are.
    count = int(said[1]) if said else call.lines
    return counted(count, "match", "matches")


def _glob(call: _Call) -> Summary:
    pattern, where = call.text("pattern", "glob", "query"), call.path()
    subject = f'"{pattern}"' + (f" in {where}" if where else "") if pattern else ""
    return Summary("", subject, _matches(call))


def _folder(call: _Call) -> Summary:
    outcome = counted(call.lines, "entry", "entries") if call.lines else ""
    return Summary("", call.path() or ".", outcome, is_whole=len(call.arguments) < 2)


def _todo(call: _Call) -> Summary:
    items = _todo_items(call.arguments)
    if not items:
        return Summary("")
    done = sum(state in ("completed", "done") for state, _ in items)
    now = next((text for state, text in items if state == "in_progress"), "")
    return Summary(
        "", now or counted(len(items), "item"), f"{done} of {len(items)} done", mark=":", is_told=True
    )


def _todo_items(arguments: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the state and text of each item of a to-do list."""
    found = next((value for value in arguments.values() if isinstance(value, list)), [])
    names = ("content", "step", "description", "text", "title")
    return [(str(item.get("status")), _first_text(item, names)) for item in found if isinstance(item, dict)]


def _web(call: _Call) -> Summary:
    url, query = call.text("url"), call.text("query", "q", "search_query")
    return Summary("", url or (f'"{query}"' if query else ""))


def _agent(call: _Call) -> Summary:
    who = call.text("subagent_type", "agent_type", "agent")
    what = call.text("description", "message", "goal", "prompt", "task")
    return Summary("", what, who, mark=":")


def _other(call: _Call) -> Summary:
    """Return the arguments of a tool that is not known: the one there is, or each with its name."""
    items = {name: value for name, value in call.arguments.items() if value not in (None, "", [], {})}
    if len(items) == 1 and isinstance(value := next(iter(items.values())), str):
        return Summary("", value, mark=":", is_whole=True)
    words = (f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
             for name, value in items.items())  # fmt: skip
    return Summary("", ", ".join(words), is_whole=True)


_NAMES: dict[Callable[[_Call], Summary], str] = {
    _command: "bash shell exec execcommand runshellcommand shellcommand terminal runcommand localshell powershell",
    _edit: "edit multiedit replace strreplace strreplaceeditor strreplacebasededittool editfile notebookedit",
    _patch: "applypatch patch",
    _write: "write writefile createfile",
    _read: "read readfile view viewfile openfile cat",
    _grep: "grep grepsearch searchfilecontent searchfiles rg codesearch",
    _glob: "glob findfiles filesearch find",
    _folder: "ls list listdir listdirectory",
    _todo: "todowrite todo writetodos updateplan",
    _web: "websearch webfetch googlewebsearch fetch fetchurl browsernavigate",
    _agent: "task agent spawnagent delegatetask subagent",
}
_KINDS = {word: kind for kind, words in _NAMES.items() for word in words.split()}
