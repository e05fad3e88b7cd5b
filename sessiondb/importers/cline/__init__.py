"""The tasks of Cline, and of the extensions made from it: Roo Code and Kilo Code.

Today a session is `~/.cline/data/sessions/<id>/<id>.messages.json`, with its manifest `<id>.json` beside it: messages
as Anthropic's API has them, each answer with its tokens, the input with what came from the cache.

Before, and in the forks, a task is a folder `tasks/<id>` of the extension: `api_conversation_history.json` has the
messages, `ui_messages.json` what was shown, among that the tokens of each request (disjoint, and rewritten in place),
`history_item.json` or `state/taskHistory.json` the title, folder and model. Of a task without messages what was shown
is read.

- What a person typed stands in elements (`<task>`, `<user_message>`, `<feedback>`, `<user_input>`), between others
  that the program put there (prompts.py), also in the answers of tools.
- Older models call tools by elements in their text, and are answered in the user's text.
- `attempt_completion` and `ask_followup_question` are how a model speaks: what they say is its text, too.
- A file is rewritten with each step, and may lose what was condensed: what was imported before stays.

Sources: Cline CLI 3.0.65 run against a stub of a model (November 2026); src/shared of github.com/cline/cline.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.importers.base import Record
from sessiondb.importers.cline import classic, sdk
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.packed import plain_path

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "cline"
version = 1

_TASK = frozenset(("task", "tokensIn", "tokensOut", "ts"))
_MANIFEST = frozenset(("session_id", "workspace_root", "messages_path"))
_CONTEXT = frozenset(("files_in_context", "model_usage"))


def sniff(sample: Sample) -> int:
    """Look for what Cline writes beside messages, or around a prompt; of its oldest files only the name tells."""
    if sample.is_sqlite:
        return 0
    first = sample.first
    if isinstance(first, dict):
        return 2 if _is_element(first) or _is_by_name(sample.path, first) else 0
    document = sample.lines[0] if sample.lines else sample.document
    return 2 if isinstance(document, dict) and _is_document(document) else 0


def read(source: Source) -> Iterator[Record]:
    """Yield the session of a file; the files beside its messages give nothing of their own."""
    source.start = source.line = 0
    source.state.clear()
    value = source.document()
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        yield from sdk.read(source, value)
    elif isinstance(value, list) and any(_is_message(one) for one in objects_of(value)[:1]):
        yield from classic.read(source, objects_of(value))
    elif isinstance(value, list) and _is_shown_alone(source.path):
        yield from classic.read_shown(source, objects_of(value))


def _is_shown_alone(path: Path) -> bool:
    """Say whether a file is what was shown of a task whose messages are gone."""
    return plain_path(path).name == classic.SHOWN and not path.with_name(classic.MESSAGES).exists()


def _is_message(value: dict[str, Any]) -> bool:
    return isinstance(value.get("role"), str)


def _is_element(element: dict[str, Any]) -> bool:
    is_shown = "ts" in element and element.get("type") in ("ask", "say")
    return is_shown or element.keys() >= _TASK or _is_clines(element)


def _is_document(document: dict[str, Any]) -> bool:
    if any(document.keys() >= keys for keys in (_TASK, _MANIFEST, _CONTEXT)):
        return True
    messages = document.get("messages")
    if not isinstance(messages, list):
        return False
    return {"agent", "sessionId"} <= document.keys() or any(map(_is_clines, objects_of(messages[:10])))


def _is_clines(message: dict[str, Any]) -> bool:
    """Say whether a message of a chat API has what Cline and its forks write beside it, or around a prompt."""
    if not _is_message(message) or "content" not in message:
        return False
    if isinstance(message.get("ts"), int | float) and not isinstance(message.get("ts"), bool):
        return True
    texts = (block.get("text") for block in objects_of(message.get("content")))
    said = "".join(text for text in texts if isinstance(text, str)).lstrip()
    return said.startswith("<user_input mode=") or (
        said.startswith(("<task>", "<user_message>", "<feedback>")) and "<environment_details>" in said
    )


def _is_by_name(path: Path, element: dict[str, Any]) -> bool:
    return plain_path(path).name in (classic.MESSAGES, classic.SHOWN) and _is_message(object_of(element))
