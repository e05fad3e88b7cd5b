"""Tell what a person typed from what Cline puts around it, and find tool calls that stand in text."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_TYPED = re.compile(
    r"<(task|user_message|feedback|answer|user_input)(?:\s[^<>]*)?>\s*(.*?)\s*</\1>", re.DOTALL
)
_INJECTED = {
    "environment_details": "environment",
    "explicit_instructions": "instructions",
    "custom_instructions": "instructions",
    "file_content": "environment",
    "folder_content": "environment",
    "url_content": "environment",
    "git_working_state": "environment",
    "workspace_diagnostics": "environment",
    "terminal_output": "environment",
    "hook_context": "meta",
    "system-reminder": "meta",
}
_ELEMENT = re.compile(rf"<({'|'.join(_INJECTED)})(?:\s[^<>]*)?>.*?(?:</\1>|\Z)", re.DOTALL)
# The head of an answer to a call that stood in text: "[read_file for 'beds.md'] Result:".
_RESULT = re.compile(r"\A\s*\[(\w+)[^\n]*\] Result:[ \t]*\n?")
_SENTENCES = {
    "[ERROR] You did not use a tool": "meta",
    "[TASK RESUMPTION]": "meta",
    "[Response interrupted": "notice",
    "[NOTE]": "meta",
    "No tools were used": "meta",
}
_TOOLS = (
    "read_file write_to_file replace_in_file apply_diff apply_patch insert_content search_and_replace execute_command"
    " search_files list_files list_code_definition_names codebase_search browser_action web_fetch web_search"
    " use_mcp_tool access_mcp_resource load_mcp_documentation fetch_instructions ask_followup_question"
    " attempt_completion plan_mode_respond new_task switch_mode update_todo_list condense new_rule"
)
_CALL = re.compile(rf"<({'|'.join(_TOOLS.split())})>\s*(.*?)\s*</\1>", re.DOTALL)
_ARGUMENT = re.compile(r"<([a-z_]+)>\n?(.*?)\n?</\1>", re.DOTALL)
_THINKING = re.compile(r"<thinking>\s*(.*?)\s*</thinking>\s*", re.DOTALL)
# What a model says by a call: the name of the tool, and of the argument that has the words.
_SPOKEN = {
    "attempt_completion": "result",
    "ask_followup_question": "question",
    "plan_mode_respond": "response",
}
_FOLDER = re.compile(r"# Current (?:Working|Workspace) Directory \(([^\n]+?)\) Files")
_MODEL = re.compile(r"<model>([^<]+)</model>")


class Turn(NamedTuple):
    """The texts of a user's message taken apart; `answers` are those to calls in text, with the tool's name."""

    typed: str
    injected: list[tuple[str, str]]
    answers: list[tuple[str, str]]


class Call(NamedTuple):
    """A tool call that stands in a model's text."""

    name: str
    arguments: dict[str, Any]


def take_apart(texts: list[str]) -> Turn:
    """Split the texts of a user's message into what was typed, injected and answered by tools."""
    typed: list[str] = []
    injected: list[tuple[str, str]] = []
    answers: list[tuple[str, str]] = []
    is_answer = False
    for whole in texts:
        injected += [(_INJECTED[found[1]], found[0].strip()) for found in _ELEMENT.finditer(whole)]
        text = _ELEMENT.sub("", whole)
        kind = next((kind for start, kind in _SENTENCES.items() if text.lstrip().startswith(start)), None)
        words = said_in(text)
        if head := _RESULT.match(text):
            is_answer = True
            answers.append((head[1], text[head.end() :].strip()))
        elif kind and text.strip():
            injected.append((kind, text.strip()))
        elif is_answer and not words:
            answers[-1] = (answers[-1][0], "\n".join(filter(None, (answers[-1][1], text.strip()))))
        elif not words and text.strip():
            typed.append(text.strip())
        typed += words
    return Turn("\n\n".join(typed), injected, answers)


def said_in(text: str | None) -> list[str]:
    """Return what a person said in elements of a text, be it of a tool's answer."""
    if not text or "</" not in text:
        return []
    return [found[2] for found in _TYPED.finditer(text) if found[2]]


def calls_in(text: str) -> tuple[str, list[Call]]:
    """Return a model's text without the tool calls in it, and those."""
    if "</" not in text:
        return text, []
    calls = [Call(found[1], _arguments(found[2])) for found in _CALL.finditer(text)]
    return (_CALL.sub("", text).strip() if calls else text), calls


def thoughts_in(text: str) -> tuple[str, str | None]:
    """Return a model's text without what it thought aloud, and that."""
    if "<thinking>" not in text:
        return text, None
    thoughts = [found[1] for found in _THINKING.finditer(text)]
    return (_THINKING.sub("", text).strip() if thoughts else text), "\n\n".join(thoughts) or None


def may_speak(name: str | None) -> bool:
    """Say whether a model may say something by a call of this name."""
    return name in _SPOKEN


def spoken(name: str | None, arguments: Any) -> str | None:
    """Return what a model says by a call, None where it says nothing."""
    words = arguments.get(_SPOKEN.get(name or "", "")) if isinstance(arguments, dict) else None
    return words.strip() or None if isinstance(words, str) else None


def folder_in(text: str) -> str | None:
    """Return the folder that a block about the environment names."""
    found = _FOLDER.search(text)
    return found[1] if found else None


def model_in(text: str) -> str | None:
    """Return the model that a block about the environment names."""
    found = _MODEL.search(text)
    return found[1].strip() if found else None


def _arguments(text: str) -> dict[str, Any]:
    return {found[1]: found[2] for found in _ARGUMENT.finditer(text)}
