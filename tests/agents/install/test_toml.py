"""TOML edited by splicing."""

from __future__ import annotations

import pytest

from sessiondb.agents.install import toml
from sessiondb.errors import InvalidInput

PATH = ("mcp_servers", "sessiondb")
OURS = {"command": "/opt/my tools/sessiondb", "args": ["mcp", '--db="x"']}
TABLE = '[mcp_servers.sessiondb]\ncommand = "/opt/my tools/sessiondb"\nargs = ["mcp", "--db=\\"x\\""]\n'

TEXTS = {
    "nothing": "",
    "keys": 'model = "o4"   # mine\n',
    "no line end": "[a]\nb = 1",
    "comments at the end": "[a]\nb = 1\n# c = 2\n\n\n",
    "another server": '[mcp_servers.other]\ncommand = "x"\n',
    "a table above": "[mcp_servers]\n",
    "CRLF": "[a]\r\nb = 1\r\n",
    "strings of many lines": 'a = """\n[mcp_servers.sessiondb]\n"""\n',
    "dotted keys": 'mcp_servers.other.command = "x"\n',
}


@pytest.mark.parametrize("shape", TEXTS)
def test_a_table_is_added_at_the_end_and_comes_out_without_a_trace(shape: str) -> None:
    text = TEXTS[shape]
    made = toml.add_table(text, PATH, OURS)
    assert made.startswith(text)
    assert made.replace("\r\n", "\n").endswith(TABLE)
    assert toml.load(made)["mcp_servers"]["sessiondb"] == OURS
    if shape == "strings of many lines":
        # A header in a string cannot be told from ours by its line: nothing is taken out rather than the wrong thing.
        with pytest.raises(InvalidInput):
            toml.remove_table(made, PATH)
    else:
        assert toml.remove_table(made, PATH).rstrip("\r\n") == text.rstrip("\r\n")


def test_tables_below_go_too_and_what_follows_stays() -> None:
    text = (
        f'{TABLE}\n[mcp_servers.sessiondb.tools.search]\napproval_mode = "approve"\n\n# about b\n[b]\nc = 1\n'
    )
    assert toml.remove_table(text, PATH) == "\n# about b\n[b]\nc = 1\n"


def test_values_are_put_right_in_their_lines() -> None:
    text = (
        'x = 1\n[mcp_servers."sessiondb"] # mine\n  command = "/old" # why\nstartup_timeout_sec = 30\n[b]\n'
    )
    assert toml.set_values(text, PATH, OURS) == (
        'x = 1\n[mcp_servers."sessiondb"] # mine\nargs = ["mcp", "--db=\\"x\\""]\n'
        '  command = "/opt/my tools/sessiondb"\nstartup_timeout_sec = 30\n[b]\n'
    )


@pytest.mark.parametrize(
    "text", ["mcp_servers = {}\n", "mcp_servers = { other = { command = 'x' } }\n", "mcp_servers = 1\n"]
)
def test_what_cannot_be_spliced_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        toml.add_table(text, PATH, OURS)


def test_what_is_broken_is_named_with_its_line() -> None:
    with pytest.raises(InvalidInput, match="line 2"):
        toml.load("a = 1\nb = \n")
