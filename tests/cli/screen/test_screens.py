"""What a terminal shows of each command is what is written down: `scripts/screens.py` writes it anew."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tests.test_docs import script

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal"),
]


@pytest.fixture(scope="module")
def module() -> ModuleType:
    return script("screens")


@pytest.fixture(scope="module")
def machine(module: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> object:
    return module.machine(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 40)], ids=str)
@pytest.mark.parametrize("manner", ["colour", "dumb", "plain"])
def test_a_screen_is_what_is_written_down(
    module: ModuleType, machine: object, size: tuple[int, int], manner: str
) -> None:
    for file, text in module.screens(machine, size, manner).items():
        assert text == (module.FOLDER / file).read_text(encoding="utf-8"), f"{file}: run scripts/docs"


def test_there_is_no_screen_that_nothing_writes(module: ModuleType) -> None:
    expected = {
        f"{columns}x{lines}/{manner}/{name}.txt"
        for columns, lines in module.SIZES
        for manner in module.MANNERS
        for name in module.COMMANDS
    }

    found = {
        file.relative_to(module.FOLDER).as_posix() for file in module.FOLDER.rglob("*") if file.is_file()
    }
    assert found == expected


@pytest.mark.parametrize("manner", ["colour", "dumb"])
def test_no_screen_is_wider_than_its_terminal_but_for_what_is_copied(module: ModuleType, manner: str) -> None:
    from sessiondb.chat.text import width

    for columns, lines in module.SIZES:
        free = ("log ", "resume ")
        for file in (module.FOLDER / f"{columns}x{lines}" / manner).iterdir():
            text = module.COLOURS.sub("", file.read_text(encoding="utf-8"))
            long = [line for line in text.splitlines() if width(line) > columns]
            assert [line for line in long if not line.startswith(free)] == []
