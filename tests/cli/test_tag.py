"""sessiondb tag."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def test_tags_are_put_on_and_taken_off(filled: Path, run: Run) -> None:
    added = run("tag", "11112222-p", "urgent", "kitchen")
    removed = run("tag", "11112222-p", "kitchen", "absent", "--remove")
    last = run("tag", "11112222-p", "urgent", "--remove")

    assert added.stdout == "11112222-parser: kitchen, urgent\n"
    assert removed.stdout == "11112222-parser: urgent\n"
    assert last.stdout == "11112222-parser: no tags\n"


def test_sessions_are_found_by_their_tag(filled: Path, run: Run) -> None:
    run("tag", "3333", "garden")

    found = json.loads(run("list", "--tag", "garden", "--json").stdout)

    assert [session["id"] for session in found] == ["33334444-fig"]
