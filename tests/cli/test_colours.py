"""When there are colours: --color, the variables people set, and the terminal."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb.cli import colours

Run = Callable[..., Result]
NAMES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("is_terminal", "variables", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"CLICOLOR": "0"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"CLICOLOR_FORCE": "1"}, True),
        (False, {"FORCE_COLOR": "0"}, False),
        (True, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_the_environment_and_the_terminal_decide(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, variables: dict[str, str], expected: bool
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Terminal() if is_terminal else io.StringIO())

    assert colours.has_colours() is expected


@pytest.mark.parametrize(("when", "expected"), [("always", True), ("never", False), ("auto", False)])
def test_the_option_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, run: Run, filled: Path, when: str, expected: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    assert ("\x1b[" in run("list", "--color", when).stdout) is expected


def test_a_pipe_has_no_colours_unless_they_are_asked_for(run: Run, filled: Path) -> None:
    for command in (("list",), ("search", "ferry"), ("show", "@last"), ("usage",)):
        assert "\x1b" not in run(*command).stdout
        assert "\x1b[" in run(*command, "--color", "always").stdout


def test_painted_text_is_as_it_was_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    assert [colours.painted("x", kind) for kind in colours.STYLES] == ["x"] * len(colours.STYLES)
