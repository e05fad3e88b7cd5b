"""Logs are imported while they grow: whenever they are read, the end is that of one import of the whole files."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.ingest.run import Ingest
from tests.dao.forks.test_fork_order_in_stores import codex_id, codex_line, codex_turn
from tests.helpers.conversations import MINUTE, write
from tests.helpers.fork_logs import content, copied, id_of, random_forks, talk

Logs = dict[str, Sequence[Any]]
"""Lines by the name of their file."""


def claude(dice: random.Random, *, marked: bool) -> Logs:
    logs = random_forks(dice, dice.randint(2, 4), marked=marked)
    return {f"p/{lines[-1]['sessionId']}.jsonl": lines for lines in logs}


def answered(turn: list[Any]) -> list[Any]:
    """Return a turn of Codex with a call and what came of it, its answer as an item of the response too."""
    *lines, count = turn
    at, call = count["timestamp"][11:-1], {"call_id": f"call_{lines[-1]['payload']['message']}"}
    lines[-1:-1] = [
        codex_line("response_item", at, type="function_call", name="ls", arguments="{}", **call),
        codex_line("response_item", at, type="function_call_output", output="dry", **call),
    ]
    text = [{"type": "output_text", "text": lines[-1]["payload"]["message"]}]
    said = codex_line("response_item", at, type="message", role="assistant", content=text)
    return [*lines, said, count]


def codex(dice: random.Random, *, are_spawned: bool = False) -> Logs:
    """Return a session, its fork, and that one's: copies under other ids and times, and the headers of those above.

    `are_spawned`: in place of forks they are sub-agents that are given their parent's conversation.
    """
    times = ["09:00", "09:10", "09:20"]
    said = ["One", "Three", "Eleven"]
    logs: Logs = {}
    for number, time in enumerate(times[: dice.choice((2, 3))]):
        at = f"{time}:00.001"
        lines: list[Any] = []
        for above in (number, number - 1)[: number + 1]:
            header: dict[str, Any] = {
                "id": codex_id(times[above]),
                "timestamp": f"2026-03-12T{times[above]}:00Z",
            }
            before = codex_id(times[above - 1])
            spawned = {"source": {"subagent": {"thread_spawn": {"parent_thread_id": before, "depth": 1}}}}
            header |= {} if not above else spawned if are_spawned else {"forked_from_id": before}
            lines.append(codex_line("session_meta", at, **header))
        for above in range(number):
            lines += answered(codex_turn(times[above], said[above], at))
        logs[f"rollout-{codex_id(time)}.jsonl"] = [*lines, *answered(codex_turn(time, said[number]))]
    return logs


def qwen(dice: random.Random) -> Logs:
    """Return a session and its fork, whose lines say where they are from."""
    ids = [f"{letter * 8}-0000-4000-8000-000000000000" for letter in "ab"]

    def line(session: str, number: int, **more: Any) -> dict[str, Any]:
        role = "user" if number % 2 else "model"
        parts: list[dict[str, Any]] = [{"text": f"Say {number}"}]
        if role == "model":
            more["usageMetadata"] = {"promptTokenCount": 10, "candidatesTokenCount": number}
            parts.append({"functionCall": {"id": f"call_{number}", "name": "ls", "args": {}}})
        return {
            "uuid": f"cccccccc-0000-4000-8000-{number:012}", "parentUuid": None, "sessionId": session,
            "timestamp": MINUTE.format(number), "type": "user" if number % 2 else "assistant", "version": "0.15",
            "cwd": "/home/mira/quill", "model": "qwen", "message": {"role": role, "parts": parts}, **more,
        }  # fmt: skip

    def answer(session: str, number: int) -> dict[str, Any]:
        said = {"id": f"call_{number}", "name": "ls", "response": {"output": "dry"}}
        parts = [{"functionResponse": said}]
        told = {"type": "tool_result", "message": {"role": "user", "parts": parts}}
        return line(session, number) | told | {"uuid": f"dddddddd-0000-4000-8000-{number:012}"}

    def talk(session: str, *numbers: int) -> list[dict[str, Any]]:
        return [
            one
            for number in numbers
            for one in (line(session, number), *([answer(session, number)] if number % 2 == 0 else []))
        ]

    first = talk(ids[0], 1, 2, 3, 4)
    copies = [
        copy | {"sessionId": ids[1], "forkedFrom": {"sessionId": ids[0], "messageUuid": copy["uuid"]}}
        for copy in first[: dice.choice((2, 3, 6))]
    ]
    fork = [*copies, *talk(ids[1], 5, 6)]
    return {f"chats/{id}.jsonl": lines for id, lines in zip(ids, (first, fork), strict=True)}


FORMATS: dict[str, Callable[[random.Random], Logs]] = {
    "claude code": lambda dice: claude(dice, marked=False),
    "claude code with marks": lambda dice: claude(dice, marked=True),
    "codex": codex,
    "codex sub-agents": lambda dice: codex(dice, are_spawned=True),
    "qwen": qwen,
}


def read(db: SessionDB, folder: Path) -> None:
    assert Ingest(db.connection, tz=timezone.utc).run([str(folder)]).skipped == []


@pytest.mark.parametrize("seed", [*range(6), 13, 14, 40])
@pytest.mark.parametrize("format", FORMATS)
def test_forks_that_are_read_piece_by_piece_come_to_what_the_whole_files_do(
    tmp_path: Path, format: str, seed: int
) -> None:
    dice = random.Random(seed)
    logs = FORMATS[format](dice)
    folder = tmp_path / "logs"
    written = dict.fromkeys(logs, 0)
    with SessionDB(tmp_path / "grown.db") as db:
        while waiting := [name for name, lines in logs.items() if written[name] < len(lines)]:
            name = dice.choice(waiting)
            written[name] += dice.choice((1, 2, 3, 5, 100))
            write(folder / name, *logs[name][: written[name]])
            read(db, folder)
        grown = content(db)
        assert Maintenance(db.connection).check() == []
    with SessionDB(tmp_path / "whole.db") as db:
        read(db, folder)
        assert content(db) == grown


@pytest.mark.parametrize("goes_on", ["in a file of its own", "in the other's file", "in neither"])
def test_a_session_that_began_in_anothers_file_continues_it_only_while_nothing_else_is_told(
    tmp_path: Path, goes_on: str
) -> None:
    """As Claude Code of older releases resumed a session: under a new id, in the file of the old one."""
    one, two = id_of(1), id_of(2)
    folder = tmp_path / "logs"
    lines = [*talk(one, 2, 3), *talk(two, 4, 5)]
    found = []
    for name in ("grown.db", "whole.db"):
        with SessionDB(tmp_path / name) as db:
            if name == "grown.db":
                write(folder / "p" / f"{one}.jsonl", *lines)
                read(db, folder)
                assert db.sessions.get(two).parent_id == one
            if goes_on == "in a file of its own":
                write(folder / "p" / f"{two}.jsonl", *talk(two, 6, 7))
            elif goes_on == "in the other's file":
                write(folder / "p" / f"{one}.jsonl", *lines, *talk(one, 6, 7))
            read(db, folder)
            found.append(content(db))
            assert db.sessions.get(two).parent_id == (one if goes_on == "in neither" else None)
    assert found[0] == found[1]


def test_prompts_that_came_from_a_copy_are_known_when_their_own_log_is_read_anew(tmp_path: Path) -> None:
    """Some releases give each line of a resumed copy a fresh id, which the original's prompts have then."""
    one, two = id_of(1), id_of(2)
    lines = talk(one, 2, 3, 4, 5)
    copies = [
        line | {"uuid": line["uuid"].replace("aaaaaaaa", "bbbbbbbb")} if line["type"] == "user" else line
        for line in copied(lines, two)
    ]
    found = []
    with SessionDB(tmp_path / "x.db") as db:
        write(tmp_path / "p" / f"{one}.jsonl", *lines)
        resumed = [*copies, *talk(two, 6, 7)]
        for end in (2, 4, 5, len(resumed)):
            write(tmp_path / "p" / f"{two}.jsonl", *resumed[:end])
            read(db, tmp_path)
        for _ in range(2):
            found.append(
                db.connection.rows("SELECT session_id, seq, role, content FROM messages ORDER BY 1, 2")
            )
            db.connection.execute("UPDATE imports SET mtime_ns = 0, head_digest = 'x'")
            read(db, tmp_path)
    assert found[0] == found[1]
    assert [row[3] for row in found[0] if row[2] == "user"] == ["Say 2", "Say 4", "Say 6"]
