"""Hermes' index of current sessions."""

from __future__ import annotations

import json
from datetime import timezone
from pathlib import Path
from typing import Any

from sessiondb.importers import hermes
from sessiondb.importers.base import ChannelRecord, SessionRecord, TokenRecord
from sessiondb.importers.files.source import Source
from tests.helpers.hermes_logs import ENTRY, KEY

A, B = "20260301_090000_a1b2c3d4", "20260301_100000_ffff0000"


def test_the_index_names_the_current_session_of_each_conversation(tmp_path: Path) -> None:
    group: dict[str, Any] = {
        "session_key": "agent:main:discord:group:77",
        "session_id": B,
        "platform": "discord",
    }
    group |= {"chat_type": "group", "input_tokens": 0, "prev_session_id": A, "suspended": True}
    path = tmp_path / "sessions.json"
    path.write_text(json.dumps({KEY: ENTRY, "b": group, "c": {"x": 1}}, indent=2))
    source = Source(path, tz=timezone.utc)
    records = list(hermes.read(source))
    assert records == [
        SessionRecord(
            A,
            "hermes",
            A,
            key=KEY,
            channel=ChannelRecord("telegram", "dm", "900", None, None, "Ann"),
            title="Ann",
            started_at="2026-03-01T09:00:00.000Z",
            last_active_at="2026-03-01T09:05:00.000Z",
            is_open=True,
            metadata={"origin": {"guild_id": "7"}},
        ),
        TokenRecord(A, f"{A}:total", input=300, output=40, counted_at="2026-03-01T09:05:00.000Z"),
        SessionRecord(
            B,
            "hermes",
            B,
            key="agent:main:discord:group:77",
            channel=ChannelRecord("discord", "group"),
            parent_id=A,
            relation="reset",
            is_open=True,
            metadata={"suspended": True},
        ),
    ]
    assert source.problems == [(None, None, "'c' is no entry: it names no session")]
