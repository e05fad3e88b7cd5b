"""What a person typed into Codex, told from what was injected, whichever half of the pair comes first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessiondb.importers import codex
from sessiondb.importers.base import MessageRecord
from sessiondb.importers.codex.prompts import environment_folder, markup_kind
from sessiondb.importers.files.source import Source
from tests.helpers.codex_logs import FILE, event, header, message

IDE = "# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n"
PICTURE = {"type": "input_image", "image_url": None}


def made(lines: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Make lines of answers (a), user items (i), their events (e; c of a completed item), other events."""
    return [
        {"timestamp": f"2026-03-12T08:41:{n:02}Z", **_made(kind, value)}
        for n, (kind, value) in enumerate(lines)
    ]


def _made(kind: str, value: Any) -> dict[str, Any]:
    if kind in ("a", "i"):
        content = value if isinstance(value, list) else [{"type": "input_text", "text": value}]
        role = "assistant" if kind == "a" else "user"
        return {"type": "response_item", "payload": {"type": "message", "role": role, "content": content}}
    if kind == "c":
        done = {"type": "UserMessage", "content": [{"type": "text", "text": value}]}
        return {"type": "event_msg", "payload": {"type": "item_completed", "item": done}}
    if kind == "e":
        more = value if isinstance(value, dict) else {"message": value}
        return {"type": "event_msg", "payload": {"type": "user_message", **more}}
    return {"type": "event_msg", "payload": {"type": kind, "message": value}}


def read(tmp_path: Path, lines: list[tuple[str, Any]]) -> list[tuple[str, str | None]]:
    path = tmp_path / "rollout-2026-03-12T09-41-07-019ce14a-7d30-7b52-9c1e-4a6f0d83e2b5.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in made(lines)), encoding="utf-8")
    rows = [record for record in codex.read(Source(path)) if isinstance(record, MessageRecord)]
    return [((row.metadata or {}).get("kind", row.role), row.content) for row in rows]


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        pytest.param(
            [("i", "Hi"), ("e", "Hi"), ("a", "Yes")], [("user", "Hi"), ("assistant", "Yes")], id="item first"
        ),
        pytest.param(
            [("e", "Hi"), ("i", "Hi"), ("a", "Yes")], [("user", "Hi"), ("assistant", "Yes")], id="event first"
        ),
        pytest.param([("e", "Hi"), ("a", "Yes")], [("user", "Hi"), ("assistant", "Yes")], id="event alone"),
        pytest.param([("i", "Hi"), ("a", "Yes")], [("user", "Hi"), ("assistant", "Yes")], id="item alone"),
        pytest.param([("i", "Hi")], [("user", "Hi")], id="item at the end"),
        pytest.param(
            [("i", "Do"), ("e", "Do"), ("a", "1"), ("i", "Do"), ("e", "Do"), ("a", "2")],
            [("user", "Do"), ("assistant", "1"), ("user", "Do"), ("assistant", "2")],
            id="typed twice",
        ),
        pytest.param(
            [("e", "Do"), ("e", "Do")], [("user", "Do"), ("user", "Do")], id="typed twice, events alone"
        ),
        pytest.param(
            [("i", "A"), ("i", "B"), ("e", "A"), ("e", "B"), ("a", "1")],
            [("user", "A"), ("user", "B"), ("assistant", "1")],
            id="two at once",
        ),
        pytest.param(
            [("i", "Warning: x"), ("i", "Hi"), ("e", "Hi"), ("i", "More"), ("a", "Yes")],
            [("meta", "Warning: x"), ("user", "Hi"), ("meta", "More"), ("assistant", "Yes")],
            id="injected without markup",
        ),
        pytest.param(
            [("i", "Warning: x"), ("e", "Hi")], [("meta", "Warning: x"), ("user", "Hi")], id="injected before"
        ),
        pytest.param(
            [("e", "Hi"), ("a", "Yes"), ("i", "Step 1"), ("a", "Ok")],
            [("user", "Hi"), ("assistant", "Yes"), ("meta", "Step 1"), ("assistant", "Ok")],
            id="injected later",
        ),
        pytest.param(
            [("e", "Hi"), ("i", "Hi"), ("c", "Hi"), ("a", "Yes"), ("c", "Hi"), ("i", "Hi")],
            [("user", "Hi"), ("assistant", "Yes"), ("user", "Hi")],
            id="events of two types",
        ),
        pytest.param(
            [("e", {"message": "<environment_context>x</environment_context>"}), ("i", "Hi"), ("a", "Yes")],
            [("user", "Hi"), ("assistant", "Yes")],
            id="event that mirrors injected context",
        ),
        pytest.param(
            [
                ("i", f"{IDE}## My request for Codex:\nFix it\n"),
                ("e", f"{IDE}## My request for Codex:\nFix it"),
                ("a", "Ok"),
            ],
            [("environment", IDE.strip()), ("user", "Fix it"), ("assistant", "Ok")],
            id="editor context",
        ),
        pytest.param(
            [
                ("i", [{"type": "input_text", "text": "<image name=[1]>"}, PICTURE, "</image>", "Look"]),
                ("e", "Look"),
            ],
            [("user", "Look")],
            id="tags around an image",
        ),
        pytest.param(
            [("i", [PICTURE]), ("e", {"message": "", "images": ["x"]})], [("user", None)], id="image alone"
        ),
        pytest.param(
            [("e", "Hi"), ("i", "Hi"), ("i", "Held"), *[("plan_update", None)] * 9],
            [("user", "Hi"), ("meta", "Held")],
            id="an event never comes",
        ),
        pytest.param(
            [("e", "Hi"), ("turn_aborted", None), ("e", {"message": 3})],
            [("user", "Hi"), ("user", None)],
            id="odd",
        ),
    ],
)
def test_a_prompt_is_one_row(tmp_path: Path, lines: list[Any], rows: list[Any]) -> None:
    assert read(tmp_path, lines) == rows


def test_a_message_that_may_be_the_half_of_a_prompt_waits_for_the_next_import(tmp_path: Path) -> None:
    lines = [("e", "Hi"), ("i", "Hi"), ("a", "Yes"), ("i", "And"), ("warning", None)]
    assert read(tmp_path, lines) == [("user", "Hi"), ("assistant", "Yes")]
    assert read(tmp_path, [*lines, ("e", "And")]) == [("user", "Hi"), ("assistant", "Yes"), ("user", "And")]


def test_more_context_than_can_be_held_is_let_through(tmp_path: Path) -> None:
    rows = read(tmp_path, [("i", "Hi"), *[("i", "<skill>x</skill>")] * 300])
    assert (rows[0], len(rows)) == (("user", "Hi"), 301)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<environment_context>\n<cwd>/x</cwd>", "environment"),
        ("# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>", "instructions"),
        ("<user_instructions>\n\nBe brief", "instructions"),
        ("<permissions instructions>", "instructions"),
        ("  <TURN_ABORTED>", "notice"),
        ('<codex_internal_context source="goal">', "instructions"),
        ("<user_shell_command>ls</user_shell_command>", "command"),
        ("<subagent_notification>{}", "notice"),
        ("<div>my page</div>", None),
        ("# AGENTS.md is missing, write one", None),
        ("Why does <environment_context> show up?", None),
        ("", None),
        (None, None),
    ],
)
def test_injected_context_is_told_by_its_markup(text: str | None, kind: str | None) -> None:
    assert markup_kind(text) == kind


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("<environment_context>\n  <cwd>/home/j</cwd>", "/home/j"),
        ("Current working directory: C:\\code\nApproval policy: never", "C:\\code"),
        ("<environment_context></environment_context>", None),
        (None, None),
    ],
)
def test_the_environment_names_the_working_folder(text: str | None, folder: str | None) -> None:
    assert environment_folder(text) == folder


def by(author: str) -> dict[str, Any]:
    """Return what later builds say of who wrote a message."""
    return {
        "internal_chat_message_metadata_passthrough": {
            "content_item_metadata": [{"provenance": {"type": author}}]
        }
    }


@pytest.mark.parametrize("has_events", [True, False])
def test_a_message_that_says_who_wrote_it_needs_no_markup_and_no_event(
    tmp_path: Path, has_events: bool
) -> None:
    quoted = "<environment_context> is what?"
    lines = [
        header(),
        message("user", "Mind the tides.", 1, **by("harness")),
        message("user", quoted, 2, **by("user")),
        message("assistant", "A block.", 3),
        message("user", "And now?", 4, **by("user")),
        *([event("user_message", 4, message="And now?")] if has_events else []),
        message("assistant", "Nothing.", 5),
    ]
    path = tmp_path / FILE
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = [one for one in codex.read(Source(path)) if isinstance(one, MessageRecord)]
    assert [(one.role, one.content) for one in found] == [
        ("system", "Mind the tides."),
        ("user", quoted),
        ("assistant", "A block."),
        ("user", "And now?"),
        ("assistant", "Nothing."),
    ]
