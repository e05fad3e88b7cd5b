"""A file that was read once is there, gone, or nobody knows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sessiondb.importers.files.presence import Presence
from sessiondb.importers.files.source import path_text

ID = "5e1f0000-0000-4000-8000-000000000001"
ROLLOUT = f"rollout-2026-03-01T10-00-00-{ID}.jsonl"


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def asked(path: Path, format: str = "claude-code", device: int | None = None) -> bool | None:
    return Presence().is_there(path_text(str(path)), format, device)


@pytest.mark.parametrize(
    ("read", "now"),
    [
        ("a.jsonl", "a.jsonl"),
        ("a.jsonl", "a.jsonl.gz"),
        ("a.jsonl", "a.jsonl.zst"),
        ("a.jsonl.gz", "a.jsonl"),
        ("a.jsonl.gz", "a.jsonl.zst"),
    ],
)
def test_a_log_that_was_packed_or_unpacked_is_there(tmp_path: Path, read: str, now: str) -> None:
    touch(tmp_path / "logs" / now)

    assert asked(tmp_path / "logs" / read) is True


def test_a_log_that_is_missing_beside_others_is_gone(tmp_path: Path) -> None:
    touch(tmp_path / "logs" / "other.jsonl")

    assert asked(tmp_path / "logs" / "a.jsonl") is False


def test_nothing_is_known_of_a_log_whose_folder_is_gone(tmp_path: Path) -> None:
    assert asked(tmp_path / "drive" / "logs" / "a.jsonl") is None


@pytest.mark.parametrize(
    ("store", "below", "format"),
    [
        (".claude/projects", f"-home-mira/{ID}.jsonl", "claude-code"),
        (".claude/projects", f"-home-mira/{ID}/subagents/agent-1.jsonl", "claude-code"),
        (".codex/sessions", f"2026/03/01/{ROLLOUT}", "codex"),
        (".copilot/session-state", f"{ID}/events.jsonl", "copilot-cli"),
        (".gemini/tmp", "quill/chats/session-1.jsonl", "gemini"),
        (".qwen/projects", "-home-mira/chats/1.jsonl", "qwen-code"),
    ],
)
def test_a_log_is_gone_with_its_folder_where_the_store_of_its_agent_is_there(
    tmp_path: Path, store: str, below: str, format: str
) -> None:
    log = tmp_path / store / below
    assert asked(log, format) is None

    touch(tmp_path / store / "something")

    assert asked(log, format) is False


def test_a_folder_for_code_is_no_store(tmp_path: Path) -> None:
    touch(tmp_path / "projects" / "something")

    assert asked(tmp_path / "projects" / "drive" / "a.jsonl") is None


@pytest.mark.parametrize(
    ("read", "now"),
    [
        (f"sessions/2026/03/01/{ROLLOUT}", f"archived_sessions/{ROLLOUT}"),
        (f"sessions/2026/03/01/{ROLLOUT}", f"archived_sessions/{ROLLOUT}.zst"),
        (f"archived_sessions/{ROLLOUT}", f"sessions/2026/03/01/{ROLLOUT}"),
    ],
)
def test_a_session_that_codex_has_moved_is_there(tmp_path: Path, read: str, now: str) -> None:
    touch(tmp_path / ".codex" / now)

    assert asked(tmp_path / ".codex" / read, "codex") is True


def test_an_empty_folder_on_another_device_may_be_the_place_of_a_drive(tmp_path: Path) -> None:
    folder = tmp_path / "drive"
    folder.mkdir()
    device = folder.stat().st_dev

    assert asked(folder / "a.jsonl", device=device) is False
    assert asked(folder / "a.jsonl", device=device + 1) is None


def test_nothing_is_known_of_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    touch(tmp_path / "other.jsonl")
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "drive" / "a.jsonl")

    assert asked(tmp_path / "a.jsonl") is None


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_no_utf_8_are_found(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"log\xffs")
    try:
        touch(folder / os.fsdecode(b"a\xfe.jsonl"))
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")

    assert asked(folder / os.fsdecode(b"a\xfe.jsonl")) is True
    assert asked(folder / os.fsdecode(b"b\xfe.jsonl")) is False


def test_nothing_is_known_of_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    log = touch(tmp_path / "logs" / "a.jsonl")
    log.parent.chmod(0)
    try:
        if os.access(log.parent, os.R_OK):
            pytest.skip("this user reads every folder, as root does")
        assert asked(log) is None
    finally:
        log.parent.chmod(0o700)
