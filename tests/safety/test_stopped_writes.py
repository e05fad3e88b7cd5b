"""Appends and turns that are stopped at their system calls: what was acknowledged is there, and no half turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.safety.points import need_strace
from tests.safety.stopping import Campaign, Count

pytestmark = [need_strace, pytest.mark.safety]
WRITES = ["append", "first append", "turns"]


@pytest.mark.parametrize("name", WRITES)
def test_nothing_acknowledged_is_lost_wherever_a_writer_is_killed(
    folder: Path, name: str, record_property: Count
) -> None:
    campaign = Campaign(name, folder)
    wrong = campaign.kill()
    campaign.count(record_property)
    assert wrong == []
    assert campaign.acknowledged >= campaign.visited, "too little was acknowledged to tell anything"


@pytest.mark.parametrize("name", WRITES)
def test_nothing_acknowledged_is_lost_wherever_the_disk_fails(
    folder: Path, name: str, record_property: Count
) -> None:
    campaign = Campaign(name, folder)
    wrong = campaign.fail()
    campaign.count(record_property)
    assert wrong == []
    assert campaign.acknowledged >= campaign.visited, "too little was acknowledged to tell anything"
