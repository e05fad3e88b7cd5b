"""Tell what a person typed from what Cursor puts around it."""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import NamedTuple

from sessiondb.timestamps import normalise

_TYPED = re.compile(r"<user_query>[ \t]*\n?(.*?)\n?[ \t]*</user_query>", re.DOTALL)
_INJECTED = (
    "additional_data agent_notification agent_skills agent_transcripts always_applied_workspace_rules attached_files"
    " cursor_commands cursor_rules_context currently_open_file external_links git_status image_files"
    " manually_attached_skills mcp_file_system open_and_recently_viewed_files project_layout recently_viewed_files"
    " rules system-reminder system_notification system_reminder terminal_files_information timestamp uploaded_documents"
    " user_info user_rules workspace_rules"
)
_ELEMENT = re.compile(
    rf"<({'|'.join(_INJECTED.split())})(?:\s[^<>]*)?>.*?(?:</\1>|\Z)",
    re.DOTALL,
)
_KINDS = {
    "agent_notification": "notice",
    "system_notification": "notice",
    "system-reminder": "meta",
    "system_reminder": "meta",
    "agent_skills": "instructions",
    "rules": "instructions",
    "user_rules": "instructions",
}
# Tuesday, Feb 24, 2026, 10:10 AM (UTC+8)
_SENT = re.compile(
    r"<timestamp>\s*(?:[A-Za-z]+, )?([A-Za-z]{3})[a-z]* (\d{1,2}), (\d{4}),? (?:at )?(\d{1,2}):(\d{2})(?::\d{2})?"
    r" ?([AP]M) \((?:UTC|GMT)(?:([+-])(\d{1,2})(?::?(\d{2}))?)?\)\s*</timestamp>"
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# What stands for reasoning that was taken out of a transcript.
_REDACTED = re.compile(r"(?:\A|\n\n|\n)\s*\[REDACTED\]\s*\Z")


class Turn(NamedTuple):
    """A user's text taken apart: what was typed, what stands around it, of which kind, and when it was sent."""

    typed: str
    injected: str
    kind: str
    sent_at: str | None


def take_apart(text: str, tz: tzinfo | None) -> Turn:
    """Split the text of a user's message."""
    if "<" not in text:
        return Turn(text, "", "meta", None)
    typed = [found[1] for found in _TYPED.finditer(text)]
    if typed:
        rest = _TYPED.sub("", text).strip()
        return Turn("\n\n".join(typed), rest, _kind(rest), _sent_at(rest, tz))
    injected = "\n".join(found[0].strip() for found in _ELEMENT.finditer(text))
    if not injected:
        return Turn(text, "", "meta", None)
    return Turn(_ELEMENT.sub("", text).strip(), injected, _kind(injected), _sent_at(injected, tz))


def without_redacted(text: str | None) -> str | None:
    """Return a model's text without the mark of reasoning that was taken out."""
    return _REDACTED.sub("", text) or None if text and "[REDACTED]" in text else text


def _kind(text: str) -> str:
    found = _ELEMENT.search(text)
    return _KINDS.get(found[1], "environment") if found else "environment"


def _sent_at(text: str, tz: tzinfo | None) -> str | None:
    found = _SENT.search(text)
    if found is None or found[1] not in _MONTHS:
        return None
    hour = int(found[4]) % 12 + (12 if found[6] == "PM" else 0)
    zone = f"{found[7]}{int(found[8]):02}:{found[9] or '00'}" if found[7] else "Z"
    month = _MONTHS.index(found[1]) + 1
    return normalise(f"{found[3]}-{month:02}-{int(found[2]):02}T{hour:02}:{found[5]}:00{zone}", tz)
