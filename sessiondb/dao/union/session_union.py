"""Take in one session from another database: its messages, tool calls and token counts, nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from sessiondb.dao.exports import Exports
from sessiondb.dao.forks.forks import Forks, Kin
from sessiondb.dao.union.align import Alignment, Known, digest
from sessiondb.dao.union.row_buffer import ANSWERED_BY, CALL, TOKENS, RowBuffer
from sessiondb.dao.union.row_buffer import Row as Values
from sessiondb.dao.union.union_copies import UnionCopies
from sessiondb.records.rows import CallRow, MessageRow, SessionRow, TokensRow, stored_json
from sessiondb.storage.connection import Connection

_CALL_ID = CALL.index("call_id")
_SELECT_CALL = f"SELECT {', '.join(CALL)} FROM tool_calls"
_ANSWERED = "SELECT 1 FROM tool_calls WHERE result_message_id = ? AND call_id IS ?"
_SAME_TOKENS = f"""
SELECT count(*) FROM token_counts WHERE {" AND ".join(f"{name} IS ?" for name in TOKENS)}
"""
_SET_TOKENS = f"""
UPDATE token_counts SET {", ".join(f"{name} = ?" for name in TOKENS[2:])}
WHERE session_id = ? AND request_key = ?
"""


class SessionUnion:
    """The rows of one session on their way in; its own row must be there. Messages come before token counts.

    `is_new`: it has no rows here yet, so that nothing need be compared. `model` gives the id of a model.
    """

    def __init__(
        self,
        connection: Connection,
        rows: RowBuffer,
        model: Callable[[str | None], int | None],
        session: SessionRow,
        is_new: bool,
    ) -> None:
        self.id = session.id
        self.added = 0
        self.is_changed = is_new
        self._db = connection
        self._rows = rows
        self._model = model
        self.is_new = is_new
        self._alignment = Alignment(() if is_new else self._ours())
        self._last_seq = self._alignment.last_seq
        # By their seq: the id each message has here.
        self._ids: dict[int, int] = {}
        self._last_id: int | None = None
        self._copies = UnionCopies(connection, session.id)
        # By the seq and index of the call: calls, until their answer comes, and answers that came before.
        self._open: dict[tuple[int, int], Values] = {}
        self._early: dict[tuple[int, int], tuple[int, CallRow]] = {}
        self._outputs: dict[str, int] | None = {} if is_new else None
        self._keyless: Counter[tuple[Any, ...]] = Counter()
        self._consolidated = (None if is_new else self._last_consolidated(), session.consolidated)
        for call in session.calls if is_new else ():
            self._new_call(None, None, call)

    def message(self, row: MessageRow) -> None:
        """Take a message, unless it is here."""
        known = None if self.is_new else self._alignment.find(row)
        if known is None and not self.is_new and self._copies.take(row, self._last_id):
            return
        if known is None:
            id = self._new_message(row)
            self._copies.new(row)
        else:
            id = known.id
            if known.digest != digest(row):
                self._grow(id, row)
        self._ids[row.seq] = self._last_id = id
        stored = self._calls_of(id) if known is not None and row.tool_calls else []
        for index, call in enumerate(row.tool_calls):
            self._ask(id, (row.seq, index), call, stored)
        for call in row.answers:
            self._answer(id, call)

    def tokens(self, row: TokensRow) -> None:
        """Take the tokens of a response; of two counts for one the one with the greater output."""
        if self._copies.is_counted(row):
            return
        values = [
            self.id, row.request_key, self._ids.get(row.message or 0), self._model(row.model), row.counted_at,
            row.input, row.cache_read, row.cache_write, row.output, row.reasoning, row.cost_microdollars,
        ]  # fmt: skip
        if self._outputs is None:
            self._outputs = self._stored_outputs()
        if row.request_key is None:
            self._keyless[tuple(values)] += 1
        elif row.request_key not in self._outputs:
            self._outputs[row.request_key] = row.output or 0
            self._rows.tokens(values)
            self.is_changed = True
        elif (row.output or 0) > self._outputs[row.request_key]:
            self._rows.write()
            self._db.execute(_SET_TOKENS, [*values[2:], *values[:2]])
            self.is_changed = True

    def finish(self) -> None:
        """Write what is left, and put the messages in order."""
        for message_id, call in self._early.values():
            self._keep(message_id, call)
        self._rows.write()
        for values, number in self._keyless.items():
            for _ in range(number - int(self._db.value(_SAME_TOKENS, values))):
                self._rows.tokens(list(values))
                self.is_changed = True
        self._rows.write()
        order = self._alignment.order()
        if order is not None:
            self._renumber(order)
        if not self.is_new:
            self._consolidate()

    def kin(self, forks: Forks) -> Kin | None:
        """Return what it shares with other sessions here, None where it is nothing; all rows must be written."""
        return self._copies.kin(forks, self.is_new)

    # Messages

    def _ours(self) -> list[Known]:
        messages = Exports(self._db).messages(self.id)
        return [Known(id, row.seq, row.external_id, digest(row), row.created_at) for id, row in messages]

    def _new_message(self, row: MessageRow) -> int:
        self._last_seq = row.seq if self.is_new else self._last_seq + 1
        values = self._rows.message(
            self.id, self._last_seq, row.role, row.content, row.reasoning, stored_json(row.parts),
            row.external_id, self._model(row.model), row.finish_reason, row.created_at,
            stored_json(row.metadata),
        )  # fmt: skip
        id = int(values[0])
        if not self.is_new:
            self._alignment.add(id)
        self.added += 1
        self.is_changed = True
        return id

    def _grow(self, id: int, row: MessageRow) -> None:
        """Take over text that goes on where ours ends: ours was read while it was being written."""
        for column, text in (("content", row.content), ("reasoning", row.reasoning)):
            known = f"coalesce({column}, '')"
            changed = self._db.execute(
                f"UPDATE messages SET {column} = :text"
                f" WHERE id = :id AND :text <> {known} AND substr(:text, 1, length({known})) = {known}",
                {"text": text, "id": id},
            ).rowcount
            self.is_changed = self.is_changed or changed > 0

    def _renumber(self, order: list[int]) -> None:
        # By way of negative numbers: two messages never have the same one.
        self._db.executemany(
            "UPDATE messages SET seq = ? WHERE id = ? AND seq <> ?",
            [(-seq, id, seq) for seq, id in enumerate(order, start=1)],
        )
        self._db.execute("UPDATE messages SET seq = -seq WHERE session_id = ? AND seq < 0", (self.id,))

    def _last_consolidated(self) -> int | None:
        found = self._db.value(
            "SELECT m.id FROM sessions AS s JOIN messages AS m"
            " ON m.session_id = s.id AND m.seq = s.consolidated WHERE s.id = ?",
            (self.id,),
        )
        return None if found is None else int(found)

    def _consolidate(self) -> None:
        """Let the leading messages that are summarised end where they end in the one that has summarised
        more.
        """
        ours, theirs = self._consolidated
        ids = [id for id in (ours, self._ids.get(theirs)) if id is not None]
        changed = self._db.execute(
            "UPDATE sessions SET consolidated = found.seq"
            " FROM (SELECT max(seq) AS seq FROM messages WHERE id IN (?, ?)) AS found"
            " WHERE id = ? AND consolidated <> found.seq",
            (ids[0] if ids else None, ids[-1] if ids else None, self.id),
        ).rowcount
        self.is_changed = self.is_changed or changed > 0

    # Tool calls

    def _ask(self, message_id: int, place: tuple[int, int], call: CallRow, stored: list[Values]) -> None:
        row = _take_same(call, stored) or self._adopted(message_id, call)
        if row is None:
            row = self._new_call(message_id, None, call)
        early = self._early.pop(place, None)
        if early is None:
            self._open[place] = row
        else:
            self._give(row, *early)

    def _answer(self, message_id: int, call: CallRow) -> None:
        row = None if call.to is None else self._open.pop(call.to, None)
        if row is not None:
            self._give(row, message_id, call)
        elif call.to is not None and call.to[0] not in self._ids:
            self._early[call.to] = (message_id, call)
        else:
            self._keep(message_id, call)

    def _give(self, row: Values, message_id: int, call: CallRow) -> None:
        """Give a call its answer. One that has another here keeps it, and the new one stands beside it."""
        if row[ANSWERED_BY] is not None:
            self._keep(message_id, call)
            return
        is_error = None if call.is_error is None else int(call.is_error)
        self._rows.answer(row, message_id, call.result, is_error, call.returned_at)
        self.is_changed = True

    def _keep(self, message_id: int, call: CallRow) -> None:
        if self.is_new or self._db.row(_ANSWERED, (message_id, call.call_id)) is None:
            self._new_call(None, message_id, call)

    def _new_call(self, asked_by: int | None, answered_by: int | None, call: CallRow) -> Values:
        self.is_changed = True
        is_error = None if call.is_error is None else int(call.is_error)
        return self._rows.call(
            self.id, asked_by, answered_by, call.position, call.call_id, call.name, call.arguments,
            call.result, is_error, call.called_at, call.returned_at,
        )  # fmt: skip

    def _calls_of(self, message_id: int) -> list[Values]:
        rows = self._db.rows(f"{_SELECT_CALL} WHERE message_id = ? ORDER BY position, id", (message_id,))
        return [list(row) for row in rows]

    def _adopted(self, message_id: int, call: CallRow) -> Values | None:
        """Return the answer to a call that is here without it, once it belongs to it; None where there is
        none.
        """
        if self.is_new or call.call_id is None:
            return None
        sql = f"{_SELECT_CALL} WHERE session_id = ? AND call_id = ? AND message_id IS NULL"
        found = self._db.row(sql, (self.id, call.call_id))
        if found is None:
            return None
        self._rows.write()
        self._db.execute(
            "UPDATE tool_calls SET message_id = ?, position = ?, name = ?, arguments = ?, called_at = ?"
            " WHERE id = ?",
            (message_id, call.position, call.name, call.arguments, call.called_at, found[0]),
        )
        self.is_changed = True
        return list(found)

    # Tokens

    def _stored_outputs(self) -> dict[str, int]:
        rows = self._db.rows(
            "SELECT request_key, coalesce(output, 0) FROM token_counts"
            " WHERE session_id = ? AND request_key IS NOT NULL",
            (self.id,),
        )
        return dict(rows)


def _take_same(call: CallRow, stored: list[Values]) -> Values | None:
    """Take out the first of a message's stored calls that has the same id, or like it none."""
    for place, row in enumerate(stored):
        if row[_CALL_ID] == call.call_id:
            return stored.pop(place)
    return None
