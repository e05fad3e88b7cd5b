"""Tool calls in words: what a person would say was done, whichever agent's tool it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.chat.tool_summaries import MAX_COMPARED, compared, details, summary
from sessiondb.records import ToolCall


def called(
    name: str | None, arguments: Any = None, result: str | None = None, failed: bool = False
) -> ToolCall:
    text = arguments if arguments is None or isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(1, "s", name, text, result, failed)


TODOS = {"todos": [{"content": "Read", "status": "completed"}, {"content": "Write", "status": "in_progress"}]}
PATCH = "*** Begin Patch\n*** Update File: src/a.py\n@@\n-old\n+new\n+more\n*** End Patch"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (called("Bash", {"command": 'find . -name "*.ts"'}), 'Bash: find . -name "*.ts"'),
        (called("shell", {"command": ["bash", "-lc", "ls -la"]}), "shell: ls -la"),
        (called("shell", {"command": ["grep", "two words", "x"]}), "shell: grep 'two words' x"),
        (
            called("exec_command", {"cmd": "make\ntest"}, "no rule", failed=True),
            "exec_command: make test (failed)",
        ),
        (called("Read", {"file_path": "/home/ann/quill/src/app.py"}, "1\n2\n3"), "Read src/app.py (3 lines)"),
        (
            called("Read", {"file_path": "/etc/hosts", "offset": 10, "limit": 5}),
            "Read /etc/hosts (lines 10-14)",
        ),
        (called("Grep", {"pattern": "x"}, "a:1\nb:2\nc:3"), 'Grep "x" (3 matches)'),
        (called("Grep", {"pattern": "x", "path": "src"}, "Found 1 file\nsrc/a"), 'Grep "x" in src (1 match)'),
        (called("Grep", {"pattern": "x"}, "No matches found"), 'Grep "x" (0 matches)'),
        (called("Glob", {"pattern": "*.py"}, "a.py\nb.py"), 'Glob "*.py" (2 matches)'),
        (called("Edit", {"file_path": "a.py", "old_string": "x", "new_string": "y\nz"}), "Edit a.py (+2 -1)"),
        (called("Write", {"file_path": "a.py", "content": "x\ny\n"}), "Write a.py (+2)"),
        (called("apply_patch", PATCH), "apply_patch src/a.py (+2 -1)"),
        (called("TodoWrite", TODOS), "TodoWrite: Write (1 of 2 done)"),
        (called("WebSearch", {"query": "fts5 rank"}), 'WebSearch "fts5 rank"'),
        (called("WebFetch", {"url": "https://sqlite.org", "prompt": "?"}), "WebFetch https://sqlite.org"),
        (called("Task", {"description": "Find it", "subagent_type": "explorer"}), "Task: Find it (explorer)"),
        (called("list_dir", {"path": "src"}, "a\nb"), "list_dir src (2 entries)"),
        (called("pg_describe", {"table": "t", "schema": "s"}), "pg_describe table=t, schema=s"),
        (called("lab", {"id": "lab-01", "empty": ""}), "lab: lab-01"),
        (called("memory"), "memory"),
        (called(None, "not json"), "a tool: not json"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_call_is_said_in_one_line(call: ToolCall, expected: str) -> None:
    assert summary(call, "/home/ann/quill").line == expected


def test_an_edit_shows_what_it_takes_out_and_puts_in_with_lines_around() -> None:
    old = "\n".join(str(number) for number in range(20))

    assert compared(old, old.replace("\n9\n", "\nnine\n")) == [
        " 6", " 7", " 8", "-9", "+nine", " 10", " 11", " 12",
    ]  # fmt: skip
    assert summary(called("MultiEdit", {"edits": [{"old_string": "a", "new_string": "b"}]})).diff == (
        "-a",
        "+b",
    )


def test_a_long_edit_is_not_compared_line_by_line() -> None:
    old = "\n".join("x" * (MAX_COMPARED + 1))

    assert compared(old, "y") == ["-x"] * (MAX_COMPARED + 1) + ["+y"]


def test_arguments_are_read_by_their_names_and_a_to_do_list_as_such() -> None:
    assert details(called("TodoWrite", TODOS)) == "✓ Read\n→ Write"
    assert details(called("Task", {"prompt": "a\nb", "depth": 2})) == "prompt:\na\nb\ndepth: 2"
    assert details(called("python", "print(1)")) == "print(1)"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["command", "edits", "todos", "path"]), inner)
    ),
)


@given(
    st.sampled_from(["Bash", "Edit", "Read", "Grep", "TodoWrite", "Task", "apply_patch", "x"]),
    _json,
    st.text(),
)
def test_whatever_the_arguments_are_it_is_one_line(name: str, arguments: Any, result: str) -> None:
    call = called(name, json.dumps(arguments), result)

    assert len(summary(call, "/home").line.splitlines()) == 1
    assert isinstance(details(call), str)
