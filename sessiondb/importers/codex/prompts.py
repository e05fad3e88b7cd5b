"""Tell what a person typed from what Codex adds to a conversation in their name.

Codex sends the model much as user and developer messages that nobody typed: instructions, the environment,
notices. Most of it stands in markup of its own.

Sources: codex-rs/core/src/context of github.com/openai/codex (up to August 2026), measured on real logs.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

from sessiondb.chat.content import without_payloads
from sessiondb.importers.base import MessageRecord
from sessiondb.importers.codex.items import Item, said

_TAG = re.compile(r"\s*<([A-Za-z][\w-]*)")
_INSTRUCTIONS_FILE = "# AGENTS.md instructions"
_KINDS = {
    tag: kind
    for kind, tags in (
        ("environment", "environment_context"),
        ("command", "user_shell_command"),
        ("notice", "turn_aborted subagent_notification user_action hook_prompt"),
        (
            "instructions",
            "user_instructions instructions permissions skill skills_instructions apps_instructions"
            " collaboration_mode multi_agent_mode personality_spec plugins_instructions recommended_plugins"
            " model_switch goal_context codex_internal_context token_budget realtime_conversation",
        ),
    )
    for tag in tags.split()
}
# The extensions for editors put what is open there before what was typed.
_EDITOR_CONTEXT = "# Context from my IDE setup:"
_EDITOR_REQUEST = "## My request for Codex:"
_IMAGE_TAG = re.compile(r"\s*</?image\b[^>]*>\s*")
_CWD = re.compile(r"<cwd>([^<]+)</cwd>|Current working directory: ([^\n]+)")


class Prompt(NamedTuple):
    """What a person typed, as one of the two places says that have it; `mark` is the same in both."""

    text: str
    parts: list[Any] | None

    @property
    def mark(self) -> str:
        """Return a short text that is equal for equal prompts, however their blocks are joined."""
        # Without any space: the item joins its blocks by blank lines, the event by nothing.
        return hashlib.sha256("".join(self.text.split()).encode("utf-8", "replace")).hexdigest()[:16]


def markup_kind(text: str | None) -> str | None:
    """Return the kind of injected context that a text is by its markup, None for any other text."""
    if text is None:
        return None
    if text.lstrip().startswith(_INSTRUCTIONS_FILE):
        return "instructions"
    match = _TAG.match(text)
    return _KINDS.get(match[1].lower()) if match else None


def authors(passthrough: Any) -> frozenset[str]:
    """Return who wrote the parts of a message, as later builds say: user, harness, skills; none where they do not."""
    items = passthrough.get("content_item_metadata") if isinstance(passthrough, dict) else None
    found = (item.get("provenance") for item in _list(items) if isinstance(item, dict))
    types = (one.get("type") for one in found if isinstance(one, dict))
    return frozenset(type for type in types if isinstance(type, str))


def item_prompt(item: Item) -> Prompt:
    """Return what a user message says; the tags around its images are no part of it."""
    # The event has the text alone; the item, tags such as `<image name=...>` around each picture too.
    blocks = item.content if isinstance(item.content, list) else [item.content]
    texts = [text for block in blocks if (text := said([block])[0]) and not _IMAGE_TAG.fullmatch(text)]
    return Prompt("\n\n".join(texts), said(item.content)[1])


def event_prompt(message: Any, images: Any, local_images: Any) -> Prompt:
    """Return what a `user_message` event says."""
    parts = [{"type": "input_image", "image_url": without_payloads(image)} for image in _list(images)]
    parts += [{"type": "local_image", "path": path} for path in _list(local_images)]
    return Prompt(message if isinstance(message, str) else "", parts or None)


def completed_prompt(item: Any) -> Prompt | None:
    """Return the prompt of an `item_completed` event, None where it completes anything else."""
    if not isinstance(item, dict) or item.get("type") != "UserMessage":
        return None
    blocks = [block for block in _list(item.get("content")) if isinstance(block, dict)]
    texts = [text for block in blocks if isinstance(text := block.get("text"), str)]
    parts = [without_payloads(block) for block in blocks if not isinstance(block.get("text"), str)]
    return Prompt("".join(texts), parts or None)


def prompt_records(
    prompt: Prompt, session: str, external_id: str, created_at: str | None
) -> list[MessageRecord]:
    """Return the row of a prompt, and before it that of what an editor put into the same message."""
    head, mark, typed = prompt.text.partition(_EDITOR_REQUEST)
    context = None
    if mark and head.lstrip().startswith(_EDITOR_CONTEXT):
        prompt, context = prompt._replace(text=typed.strip()), head.strip()
    row = MessageRecord(session, "user", prompt.text or None, external_id, created_at, parts=prompt.parts)
    if context is None:
        return [row]
    return [injected_record(context, None, session, f"{external_id}/context", created_at, "environment"), row]


def injected_record(
    text: str | None,
    parts: list[Any] | None,
    session: str,
    external_id: str,
    created_at: str | None,
    kind: str,
) -> MessageRecord:
    """Return the row of what nobody typed."""
    return MessageRecord(
        session, "system", text, external_id, created_at, parts=parts, metadata={"kind": kind}
    )


def environment_folder(text: str | None) -> str | None:
    """Return the working folder that an environment block names."""
    match = _CWD.search(text) if text else None
    return (match[1] or match[2]).strip() if match else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
