"""sessiondb backup."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from sessiondb.chat.text import short_bytes
from sessiondb.cli.group import cli

Run = Callable[..., Result]


def test_backup_is_a_whole_database_of_its_owner_alone(filled: Path, tmp_path: Path, run: Run) -> None:
    copy = tmp_path / "copy.db"

    result = run("backup", str(copy))

    assert result.stdout == f"{copy}: {short_bytes(copy.stat().st_size)}\n"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for arguments in (["list"], ["search", "ferry"], ["show", "@last"], ["doctor"]):
        assert CliRunner().invoke(cli, [*arguments, "--db", str(copy)]).stdout == run(*arguments).stdout


def test_backup_overwrites_nothing(filled: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "copy.db").write_text("precious")

    result = run("backup", str(tmp_path / "copy.db"))

    assert (result.exit_code, (tmp_path / "copy.db").read_text()) == (1, "precious")
    assert result.stderr.endswith("exists already: give the backup another name, or remove that one\n")


def test_backup_into_no_folder_is_one_line(filled: Path, tmp_path: Path, run: Run) -> None:
    result = run("backup", str(tmp_path / "absent" / "copy.db"))

    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: cannot make the backup {tmp_path}/absent/copy.db: No such file or directory\n",
    )
