"""sessiondb restore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def test_restore_says_where_the_old_database_is(filled: Path, tmp_path: Path, run: Run) -> None:
    run("backup", str(tmp_path / "backup.db"))
    run("rm", "@last", "--yes")

    result = run("restore", str(tmp_path / "backup.db"))

    (kept,) = tmp_path.glob("sessions.db.*.backup")
    assert (result.exit_code, result.stdout) == (0, f"{filled}: 3 sessions\n")
    assert result.stderr == f"the database as it was is in {kept}\n"
    assert run("list", "--json").stdout.count('"id"') == 3


def test_restore_makes_a_database_where_there_is_none(filled: Path, tmp_path: Path, run: Run) -> None:
    before = run("list").stdout
    run("backup", str(tmp_path / "backup.db"))
    filled.unlink()

    result = run("restore", str(tmp_path / "backup.db"))

    assert (result.exit_code, result.stderr) == (0, "")
    assert run("list").stdout == before


def test_restore_of_nothing_is_one_line(filled: Path, tmp_path: Path, run: Run) -> None:
    result = run("restore", str(tmp_path / "absent.db"))

    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: there is no file {tmp_path / 'absent.db'}: give the path of the backup\n",
    )
