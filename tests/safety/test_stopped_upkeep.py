"""Removals, upkeep and migrations stopped at their system calls: the same command completes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.safety.points import need_strace
from tests.safety.stopping import Campaign, Count

pytestmark = [need_strace, pytest.mark.safety]
OPERATIONS = [
    "prune",
    "rm",
    "optimize",
    "backup",
    "restore",
    "recover",
    "doctor --fix",
    "migration",
    "upgrade",
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_same_command_completes_what_was_killed_anywhere(
    folder: Path, name: str, record_property: Count
) -> None:
    campaign = Campaign(name, folder)
    wrong = campaign.kill()
    campaign.count(record_property)
    assert wrong == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_same_command_completes_what_a_failing_disk_stopped_anywhere(
    folder: Path, name: str, record_property: Count
) -> None:
    campaign = Campaign(name, folder)
    wrong = campaign.fail()
    campaign.count(record_property)
    assert wrong == []
