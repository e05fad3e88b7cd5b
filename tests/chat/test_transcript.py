"""A session as text: what is shortened, how code is fenced, and that nothing in it drives a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sessiondb.chat.transcript import Look, lines, without_tools
from sessiondb.records import Message, Note, Session, ToolCall, Transcript

Make = Callable[..., Message]

SESSION = Session("s1", "codex", "2026-03-02T08:00:00.000Z", "2026-03-02T08:05:00.000Z")
EVIL = "\x1b]0;owned\x07\u202e\x9b2J\rover"


def written(
    look: Look, *messages: Message, session: Session = SESSION, notes: tuple[Note, ...] = ()
) -> list[str]:
    """Return the lines after the head of a transcript."""
    head = len(list(lines(Transcript(session, [], [], []), look)))
    text = "\n".join(lines(Transcript(session, [], list(messages), list(notes)), look))
    return text.split("\n")[head:]


def message(role: str, content: str | None = None, **fields: object) -> Message:
    return Message(1, "s1", 1, role, content, **fields)  # type: ignore[arg-type]


def answer(text: str, **fields: object) -> Message:
    return message("tool", tool_calls=(ToolCall(1, "s1", "cat", result=text, **fields),))  # type: ignore[arg-type]


@pytest.mark.parametrize("style", ["text", "md"])
@pytest.mark.parametrize("full", [False, True])
def test_nothing_drives_a_terminal(style: str, full: bool) -> None:
    call = ToolCall(1, "s1", EVIL, EVIL, EVIL, call_id=EVIL)
    session = Session(
        EVIL, EVIL, SESSION.started_at, SESSION.last_active_at, title=EVIL, project=EVIL, end_reason=EVIL
    )
    messages = (
        message("user", EVIL, metadata={"kind": EVIL}),
        message("system", EVIL, metadata={"kind": EVIL}),
        message("assistant", EVIL, reasoning=EVIL, tool_calls=(call,)),
        message("tool", tool_calls=(call,)),
    )
    note = Note(1, "win", EVIL, SESSION.started_at, resolution=EVIL)

    text = "\n".join(lines(Transcript(session, [EVIL], list(messages), [note]), Look(style=style, full=full)))

    assert set(text) & set("\x1b\x07\u202e\x9b\r") == set()
    assert "\\x1b]0;owned\\x07\\u202e\\x9b2J\\x0dover" in text


@pytest.mark.parametrize(
    ("many", "last"),
    [
        (answer("\n".join("abcdefghijklmnop")), "  | ... 4 more lines, --full shows them"),
        (answer("\n".join("abcdefghijklm")), "  | ... 1 more line, --full shows them"),
        (answer("\n".join("abcdefghijkl")), "  | l"),
        (answer("x" * 2500), f"  | {'x' * 1000}… 1,500 more characters, --full shows them"),
        (message("system", "\n".join("abcdefghijklmnop")), "... 4 more lines, --full shows them"),
        (message("user", "\n".join("abcdefghijklmnop")), "p"),
    ],
)
def test_what_nobody_typed_is_shortened(many: Message, last: str) -> None:
    assert written(Look(), many)[-1] == last
    assert "--full" not in "\n".join(written(Look(full=True), many))


def test_long_arguments_are_cut_unless_told() -> None:
    asking = message("assistant", tool_calls=(ToolCall(1, "s1", "write", "y" * 500),))

    assert len(written(Look(), asking)[-1]) == len("  > ") + 200
    assert written(Look(full=True), asking)[-1] == f"  > write {'y' * 500}"


@pytest.mark.parametrize(
    ("said", "heading"),
    [
        (message("user", "x"), "#1 user"),
        (message("user", "x", created_at="2026-03-02T08:00:00.000Z"), "#1 user  2026-03-02 08:00"),
        (message("system", "x", metadata={"kind": "summary"}), "#1 system (summary)"),
        (answer("x", is_error=True), "#1 tool (cat, failed)"),
        (message("tool"), "#1 tool"),
    ],
)
def test_headings_say_who_and_when(said: Message, heading: str) -> None:
    assert written(Look(), said)[1] == heading


def test_attachments_are_named() -> None:
    parts = [
        {"type": "text", "text": "x"},
        {"type": "image", "source": {"sha256": "ab", "media_type": "image/png", "bytes": 12345}},
        {"type": "file", "sha256": "cd"},
    ]

    assert written(Look(), message("user", "see", parts=parts))[2:] == [
        "see",
        "  [image/png, 12.3 kB]",
        "  [attachment, 0 B]",
    ]


def test_fences_are_longer_than_those_within() -> None:
    assert written(Look(style="md"), answer("```py\n````\n```"))[3:] == [
        "`````",
        "```py",
        "````",
        "```",
        "`````",
    ]


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (Note(1, "followup", "water  the\nfig", "t"), "  followup: water the fig"),
        (Note(1, "question", "why?", "t", resolution="rain"), "  question: why? (resolved: rain)"),
        (Note(1, "followup", "water", "t", resolved_at="t"), "  followup: water (resolved)"),
        (
            Note(1, "decision", "red", "t", status="superseded", superseded_by=4),
            "  decision: red (superseded by note 4)",
        ),
        (Note(1, "win", "red", "t", status="obsolete", resolution="gone"), "  win: red (obsolete: gone)"),
    ],
)
def test_notes_say_whether_they_are_settled(note: Note, expected: str) -> None:
    assert written(Look(), notes=(note,)) == ["", "Notes", expected]


def test_without_tools_calls_and_answers_go() -> None:
    asking = message("assistant", "look", tool_calls=(ToolCall(1, "s1", "cat"),))

    assert without_tools([asking, answer("x")]) == [message("assistant", "look")]


def test_markdown_folds_calls_under_what_they_did_with_their_answers() -> None:
    edit = ToolCall(
        1,
        "s1",
        "Edit",
        '{"file_path":"/quill/a.py","old_string":"a <b>","new_string":"b"}',
        "ok",
        message_id=1,
    )
    asked = message("assistant", "On it.", tool_calls=(edit,))
    session = replace(SESSION, project="/quill")

    assert written(Look(style="md"), asked, message("tool", tool_calls=(edit,)), session=session) == [
        "",
        "## 1. assistant",
        "",
        "On it.",
        "",
        "<details><summary><b>Edit</b> <code>a.py</code> (+1 -1)</summary>",
        "",
        "```diff",
        "-a <b>",
        "+b",
        "```",
        "",
        "Result, 2 characters:",
        "",
        "```",
        "ok",
        "```",
        "",
        "</details>",
    ]
