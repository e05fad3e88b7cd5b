"""Sessions whose ids, as a log may give them, would drive a terminal or a shell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.agents.loop.memory import known
from sessiondb.cli.render import show_text
from tests.cli.conftest import Run

COMMANDS = [
    ["search", "lantern"],
    ["search", "lantern", "--messages"],
    ["search", "lantern", "--color", "always"],
    ["list"],
    ["usage", "session"],
    ["show", "@last"],
    ["brief"],
    ["stats", "agent"],
    ["prune", "--days", "0", "--include-open", "--dry-run"],
]


@pytest.mark.parametrize(
    "id", ["a\x1b]0;title\x07", "b\x9b2J", "c\x1b[2J\r", "d\u202egpj", "e\x1b[6n"], ids=ascii
)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_id_from_a_log_does_not_drive_the_terminal(
    path: Path, run: Run, id: str, command: list[str]
) -> None:
    with SessionDB(path) as db:
        db.sessions.start("quill", id=id, title="Lamp")
        db.messages.append(id, "user", "Where is the lantern?")
        db.add_tokens(id, request_key="r", input=5)

    result = run(*command)

    assert result.exit_code == 0
    printed = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout + result.stderr)
    assert not set(printed) & {"\x1b", "\x07", "\x9b", "\r", "\u202e"}


def test_an_id_from_a_log_does_not_drive_the_terminal_of_an_agent(path: Path) -> None:
    with SessionDB(path) as db:
        for id, agent in (("a\x1b[2J", "quill"), ("b", "q\x1b]0;x\x07")):
            db.sessions.start(agent, id=id, title="Lamp", project="/home/noor/quill")
            db.messages.append(id, "user", "Where is the lantern?")

        text = known(db, "/home/noor/quill", 500).text

    assert "Lamp (quill, a\\x1b[2J)" in text
    assert "Lamp (q\\x1b]0;x\\x07, b)" in text


def test_an_id_is_quoted_in_the_command_that_shows_it(path: Path, run: Run) -> None:
    with SessionDB(path) as db:
        db.sessions.start("quill", id="a; rm -rf $HOME", title="Lamp")
        db.messages.append("a; rm -rf $HOME", "user", "Where is the lantern?")

    assert "sessiondb show 'a; rm -r" in run("search", "lantern").stdout


def test_the_printer_lets_through_colours_only(capsys: pytest.CaptureFixture[str]) -> None:
    show_text(["\x1b[1mbold\x1b[0m \x1b]0;x\x07 \x1b[2J \x9b2J tab\there é 船"])

    assert capsys.readouterr().out == "bold \\x1b]0;x\\x07 \\x1b[2J \\x9b2J tab\there é 船\n"
