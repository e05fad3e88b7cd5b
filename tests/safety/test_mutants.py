"""A test of safety that no fault can fail is worth nothing: each mechanism switched off makes one fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.mutants import MUTANTS
from tests.safety.points import calls, need_strace

ROOT = Path(__file__).parents[2]
PROMISES = ROOT / "docs" / "promises.md"

pytestmark = pytest.mark.safety


@need_strace
def test_each_commit_is_synced(tmp_path: Path) -> None:
    """Kills of a process lose nothing that the system has: whether it is on disk is seen by the calls alone."""
    from tests.safety.operations import start_session

    folder = tmp_path / "folder"
    folder.mkdir()
    start_session(folder)

    made = calls("append", folder, tmp_path / "log")

    # An acknowledged append each, of which operations.py makes 12.
    assert sum(call in ("fdatasync", "fsync") for call, _ in made) >= 12


@pytest.mark.skipif("SESSIONDB_SOAK" not in os.environ, reason="a soak switches each mechanism off")
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mechanism_switched_off_is_noticed(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "tests.helpers.mutants",
            "-p", "no:cacheprovider", "-p", "no:langsmith_plugin", *MUTANTS[name].tests,
        ],
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if k != "SESSIONDB_SOAK"}, "SESSIONDB_MUTANT": name},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )  # fmt: skip

    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    sys.stdout.write(f"{name}: {', '.join(failed)}\n")
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert failed
    record_property("mechanisms switched off and noticed", 1)


def test_each_mechanism_is_still_where_it_can_be_switched_off() -> None:
    code = "from tests.helpers.mutants import MUTANTS\nfor mutant in MUTANTS.values(): mutant.switch_off()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mechanism_is_named_with_its_tests(name: str) -> None:
    page = PROMISES.read_text(encoding="utf-8")

    files = ", ".join(f"`{test.partition('::')[0]}`" for test in MUTANTS[name].tests)
    assert f"| {name} | {files} |" in page


def test_every_promise_names_tests_that_are_there() -> None:
    rows = [line for line in PROMISES.read_text(encoding="utf-8").splitlines() if line.startswith("| **")]

    named = [re.findall(r"`(tests/[^`]*)`", row) for row in rows]
    assert len(rows) > 20
    assert all(named)
    assert [path for paths in named for path in paths if not (ROOT / path).exists()] == []
