"""The fixtures that all other tests rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "find",
    [
        pytest.param(Path.home, id="home"),
        pytest.param(lambda: Path("~/.claude").expanduser(), id="tilde"),
        *(
            pytest.param(lambda name=name: Path(os.environ[name]), id=name)
            for name in (
                "XDG_CACHE_HOME",
                "XDG_CONFIG_HOME",
                "XDG_DATA_HOME",
                "CLAUDE_CONFIG_DIR",
                "CODEX_HOME",
                "HERMES_HOME",
                "LLM_USER_PATH",
                "SESSIONDB_PATH",
            )
        ),
    ],
)
def test_nothing_of_the_users_can_be_written(find: Callable[[], Path], unwritable_home: Path) -> None:
    place = find()

    assert unwritable_home in place.parents
    with pytest.raises(NotADirectoryError):
        place.mkdir(parents=True)
    with pytest.raises(NotADirectoryError):
        place.write_text("stray")


def test_child_processes_cannot_write_to_the_home_either() -> None:
    stray = "import pathlib; (pathlib.Path.home() / 'stray').mkdir(parents=True)"

    done = subprocess.run([sys.executable, "-c", stray], capture_output=True, text=True, check=False)

    assert (done.returncode, "NotADirectoryError" in done.stderr) == (1, True)
