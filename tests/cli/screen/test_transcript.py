"""show on a terminal: what a person sees of a session."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sessiondb import SessionDB
from tests.cli.conftest import add_parser_session

Run = Callable[..., Result]

SGR = re.compile("\x1b\\[[\\d;]*m")

SHOWN = """\
Recipe parser
codex · gpt-5 · 2026-03-02 08:00 to 08:05 (5 min) · ended (done)
3 messages · 1 tool call · 31.5k tokens · $1.25
session  11112222-parser
project  /home/mira/src/quill
tags     kitchen
resume   codex resume 11112222-parser

○ System (environment) 21 characters: You are in a kitchen.  #1

❯ User  #2 · 2026-03-02 08:00
  Where does the parser lose ½ cup?

● Assistant  #3 · 08:00
  ∴ Reasoning (14 characters): Maybe unicode.
  Let me look.
  ▸ grep "½" (2 matches)  #3
    │ amounts.py:12
    │ amounts.py:40

● #5 · 08:05
  In amounts.py.

  ╌ 5 min · 1 tool call

Notes
  ◆ decision: Amounts are fractions.
"""


@pytest.fixture
def show(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that shows a session as a terminal of 80 columns does, without its colours."""
    monkeypatch.setenv("COLUMNS", "80")

    def shown(*arguments: str) -> str:
        return SGR.sub("", run("show", *arguments, "--color", "always").stdout)

    return shown


def add_call(db: SessionDB, id: str, name: str, arguments: dict[str, Any], result: str, **how: Any) -> None:
    call = {"id": f"c-{name}", "name": name, "arguments": arguments}
    db.messages.append(id, "assistant", tool_calls=[call])
    db.messages.append(id, "tool", result, tool_call_id=f"c-{name}", **how)


def test_a_session_is_drawn(show: Callable[..., str], filled: Path) -> None:
    assert show("11112222-parser") == SHOWN


def test_a_pipe_gets_plain_text_and_so_does_plain(run: Run, filled: Path) -> None:
    plain = run("show", "11112222-parser").stdout

    assert plain.startswith("Recipe parser\n  session   11112222-parser\n")
    assert (
        run("show", "11112222-parser", "--plain", "--color", "always").stdout
        == run("show", "11112222-parser", "--color", "always", "--plain").stdout
    )
    assert SGR.sub("", run("show", "11112222-parser", "--plain", "--color", "always").stdout) == plain


def test_long_answers_are_folded_with_their_size_and_full_shows_them(
    show: Callable[..., str], path: Path
) -> None:
    with SessionDB(path) as db:
        db.sessions.start("me", id="s")
        add_call(db, "s", "Bash", {"command": "seq 100"}, "\n".join(map(str, range(100))))

    folded, full = show("s"), show("s", "--full")

    assert "  ▸ Bash: seq 100  #1\n    │ 0\n" in folded
    assert "    │ … 95 more lines (--full)\n" in folded
    assert "│ 99" not in folded
    assert "    │ 99\n" in full
    assert "more lines" not in full


def test_an_edit_shows_what_changed_and_not_its_report(show: Callable[..., str], path: Path) -> None:
    with SessionDB(path) as db:
        db.sessions.start("me", id="s", project="/src")
        edit = {"file_path": "/src/a.py", "old_string": "one\ntwo", "new_string": "one\nthree"}
        add_call(db, "s", "Edit", edit, "The file was changed.")

    shown = show("s")

    assert "  ▸ Edit a.py (+1 -1)  #1\n     one\n    -two\n    +three\n" in shown
    assert "was changed" not in shown


def test_what_failed_is_marked_and_said(show: Callable[..., str], path: Path) -> None:
    with SessionDB(path) as db:
        db.sessions.start("me", id="s")
        add_call(db, "s", "Read", {"file_path": "/x"}, "no such file", is_error=True)
        db.messages.append("s", "assistant", "It is gone.")

    shown = show("s")

    assert "  ✗ Read /x (1 line, failed)  #1\n    │ no such file\n" in shown
    assert "1 tool call, 1 failed" in shown


def test_sub_agents_stand_as_a_tree_below_the_call_that_began_them(
    show: Callable[..., str], path: Path
) -> None:
    with SessionDB(path) as db:
        db.sessions.start("me", id="main")
        for id, parent, title in (("first", "main", "Look around"), ("below", "first", "Look closer")):
            db.sessions.start("me", id=id, parent=parent, relation="subagent", title=title)
            db.messages.append(id, "user", f"Please: {title}")
        db.sessions.start("me", id="other", parent="main", relation="subagent", title="Nobody called me")
        add_call(db, "main", "Task", {"description": "Look", "prompt": "Please: Look around"}, "Seen.")

    shown = show("main")

    assert (
        "  ▸ Task: Look  #1\n    └ first Look around · 1 message\n      └ below Look closer · 1 message\n    │ Seen.\n"
    ) in shown
    assert shown.endswith("Sub-agents\n  └ other Nobody called me · 0 messages\n")


def test_it_says_where_the_log_is_and_whether_it_is_still_there(
    show: Callable[..., str], run: Run, tmp_path: Path
) -> None:
    log = tmp_path / "talk.jsonl"
    said = {"role": "user", "content": "Hello", "timestamp": "2026-03-01T09:00:00Z"}
    log.write_text(json.dumps({"messages": [said]}) + "\n", "utf-8")
    run("import", str(log))

    assert f"log      {log}\n" in show("@last")
    log.unlink()
    assert f"log      {log} (no longer there)\n" in show("@last")


def test_a_part_of_a_session_has_no_sums_of_a_turn_that_is_cut(
    show: Callable[..., str], filled: Path
) -> None:
    assert "╌" not in show("11112222-parser", "--around", "3", "-C", "0")
    assert "#2" not in show("11112222-parser", "--around", "3", "-C", "0")


def test_pinned_sessions_say_so(show: Callable[..., str], filled: Path, run: Run) -> None:
    run("pin", "11112222-parser")

    assert "pinned   prune keeps it\n" in show("11112222-parser")


@pytest.mark.parametrize("columns", ["36", "60", "100", "200"])
def test_no_line_but_what_is_copied_is_longer_than_the_screen(
    run: Run, path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with SessionDB(path) as db:
        add_parser_session(db)
        db.sessions.reopen("11112222-parser")
        add_call(db, db.sessions.resolve("@last").id, "mcp__x__y", {"a": "船" * 90, "b": "c" * 90}, "é" * 300)
    lines = SGR.sub("", run("show", "@last", "--color", "always").stdout).splitlines()

    from sessiondb.chat.text import width

    copied = ("session ", "project ", "resume ", "log ")
    assert [line for line in lines if width(line) > int(columns) and not line.startswith(copied)] == []
