"""A session whose lines stand in two files, each imported into a database of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from tests.helpers.claude_logs import answer, prompt, write

ONE, OTHER = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return the file of a session that has two lines of another one, and that one's own."""
    lines = [prompt(ONE, "Where?", 0), answer(ONE, "There.", 1)]
    strayed = [prompt(OTHER, "Then why?", 5), answer(OTHER, "So it is.", 6)]
    ending = [prompt(ONE, "Sure?", 7), answer(ONE, "Yes.", 8)]
    own = [prompt(OTHER, "What is it?", 3), answer(OTHER, "A kiln.", 4)]
    folder = tmp_path / "projects" / "-srv-kiln"
    folder.mkdir(parents=True)
    both = {ONE: [*lines, *strayed, *ending], OTHER: own}
    return [write(folder / f"{session}.jsonl", lines) for session, lines in both.items()]


def held(path: Path) -> list[Any]:
    with SessionDB(path) as db:
        said = "SELECT session_id, seq, role, content, created_at FROM messages ORDER BY session_id, seq"
        sessions = "SELECT id, title, started_at, last_active_at, parent_id FROM sessions ORDER BY id"
        return [[tuple(row) for row in db.connection.rows(sql)] for sql in (sessions, said)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_merges_in_any_order_give_what_one_import_of_both_files_gives(
    tmp_path: Path, files: list[Path], order: tuple[int, ...]
) -> None:
    with SessionDB(tmp_path / "both.db") as db:
        db.import_logs(*files)
    texts = [path.read_bytes() for path in files]
    for number, text in enumerate(texts):
        for path in files:
            path.unlink(missing_ok=True)
        files[number].write_bytes(text)
        with SessionDB(tmp_path / f"{number}.db") as db:
            db.import_logs(files[number])
    with SessionDB(tmp_path / "merged.db") as db:
        for number in order:
            db.merge(tmp_path / f"{number}.db")
    assert held(tmp_path / "merged.db") == held(tmp_path / "both.db")
    assert [row[1] for row in held(tmp_path / "merged.db")[0]] == ["Where?", "What is it?"]
