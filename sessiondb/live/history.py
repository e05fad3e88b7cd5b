"""What to send to a model next: the end of a conversation, cut where it may be cut."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.blocks import whole_content
from sessiondb.chat.content import json_text
from sessiondb.chat.outgoing import FORMATS, NO_ANSWER, asked, extra, is_said, opens_turn
from sessiondb.chat.token_estimate import PER_MESSAGE, parts_tokens, text_tokens
from sessiondb.errors import InvalidInput
from sessiondb.records import Message
from sessiondb.storage.values import one_text, row_limit

if TYPE_CHECKING:
    from sessiondb.dao.tables import Tables

# Where a history begins, of messages u(ser), a(ssistant, which may ask for tools) and t(ool's answer):
#
#   u a t t a u a t a    consolidated ones are never given, but for the opening of the last turn
#             [------    whole turns from the end, as many as fit
#             u  [---    not even the last turn fits: its opening, then those of its last steps that fit,
#                        a step being what the assistant says, with all answers to it
#             -          not even the opening fits: nothing
_BATCH = 64


def history(
    db: Tables,
    session_id: str,
    *,
    limit: int | None = 500,
    max_tokens: int | None = None,
    format: str = "openai",
    extra_fields: bool = True,
) -> list[dict[str, Any]]:
    """Return the latest messages of a session that are not consolidated yet, as the API of `format` takes them.

    Those that a fork shares with the session it comes from are among them. They are at most `limit` messages, a
    tool's answer being one, and about `max_tokens` tokens; None is no limit. They begin where a user speaks, and
    hold no tool call apart from its answers. Where the latest turn alone is longer, its opening is kept, even a
    consolidated one, and the oldest of its tool steps are left out;
    where not even the opening fits, the list is empty. Tokens are those counted for a message, else
    estimated (see sessiondb.chat.token_estimate).

    `format` is "openai" or "anthropic". A message comes back as it was stored, lists of parts and extra
    fields included; `extra_fields=False` leaves those fields out, for an API that refuses what it does not
    know. A stored system prompt does not come first: put yours in front. The cost goes by what is returned,
    not by the length of the session. What a store says of the session itself (role session_meta) is not
    sent. Raises NotFound, InvalidInput for another format or a limit below 0.
    """
    row_limit(limit)
    row_limit(max_tokens, "max_tokens")
    if one_text(format, "format") not in FORMATS:
        raise InvalidInput(f"unknown message format {format!r}: give one of {', '.join(FORMATS)}")
    after = db.sessions.consolidated(session_id) or None
    found = _whole_turns(db, session_id, after, _Room(db, limit, max_tokens, extra_fields))
    if not found:
        found = _end_of_turn(db, session_id, after, _Room(db, limit, max_tokens, extra_fields))
    return FORMATS[format](found, extra_fields)


def _whole_turns(db: Tables, session_id: str, after: int | None, room: _Room) -> list[Message]:
    """Return the latest turns that fit; empty where not one does."""
    taken: list[Message] = []
    for message in _newest_first(db, session_id, after, min(_BATCH, room.messages + 1)):
        if not room.take([message], is_last=all(newer.role == "tool" for newer in taken)):
            break
        taken.append(message)
    while taken and not opens_turn(taken[-1]):
        taken.pop()
    return taken[::-1]


def _end_of_turn(db: Tables, session_id: str, after: int | None, room: _Room) -> list[Message]:
    """Return the opening of the latest turn and its last steps that fit: calls with all their answers."""
    opening = db.messages.last_user_turn(session_id) or _inherited_opening(db, session_id, after)
    if opening is None or not room.take([opening]):
        return []
    taken: list[Message] = []
    step: list[Message] = []
    for message in _newest_first(db, session_id, after, _BATCH):
        if message.id == opening.id or (
            message.seq < opening.seq and message.session_id == opening.session_id
        ):
            break
        step.append(message)
        if message.role == "tool":
            continue
        if not room.take(step, is_last=not taken):
            break
        taken += step
        step = []
    is_new = after is None or opening.seq > after or opening.session_id != session_id
    return [opening, *taken[::-1]] if taken or is_new else []


def _inherited_opening(db: Tables, session_id: str, after: int | None) -> Message | None:
    """Return the last turn of a user's that a fork has from where it comes, if nothing of it is consolidated."""
    found = db.messages.conversation_newest_first(session_id) if after is None else ()
    return next((message for message in found if opens_turn(message)), None)


def _newest_first(db: Tables, session_id: str, after: int | None, batch: int) -> Iterator[Message]:
    return filter(is_said, db.messages.conversation_newest_first(session_id, after=after, batch=batch))


class _Room:
    """What is left of the limits."""

    def __init__(self, db: Tables, messages: int | None, tokens: int | None, extra_fields: bool) -> None:
        self.messages = sys.maxsize if messages is None else messages
        self._tokens = tokens
        self._db = db
        self._extra_fields = extra_fields

    def take(self, messages: list[Message], is_last: bool = False) -> bool:
        """Take the room of messages that belong together, or say that there is not enough.

        `is_last`: the calls they ask for wait for their answers, and need none made up.
        """
        made_up = 0 if is_last else sum(_unanswered(message) for message in messages)
        count = made_up + sum(_rows(message) for message in messages)
        if count > self.messages:
            return False
        if self._tokens is not None:
            said = sum(map(self._size, messages)) + made_up * text_tokens(NO_ANSWER)
            if count * PER_MESSAGE + said > self._tokens:
                return False
            self._tokens -= count * PER_MESSAGE + said
        self.messages -= count
        return True

    def _size(self, message: Message) -> int:
        counted = self._db.tokens.spoken([message.id]) if message.role == "assistant" else {}
        if message.id in counted:
            return counted[message.id]
        content = whole_content(message)
        if message.role == "tool" and content is None:
            content = message.text
        size = parts_tokens(content) if isinstance(content, list) else text_tokens(content)
        calls = [f"{call.name} {call.arguments}" for call in asked(message)]
        fields = extra(message, self._extra_fields)
        return size + sum(map(text_tokens, [*calls, json_text(fields) if fields else None]))


def _rows(message: Message) -> int:
    """Return as how many messages a stored one goes out: each answer is one."""
    return len(message.tool_calls) if message.role == "tool" else 1


def _unanswered(message: Message) -> int:
    return sum(call.result_message_id is None for call in asked(message))
