"""How the folder of a project is written, whichever way an agent wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.chat.text import folder_name
from sessiondb.dao.lookups import normal_path
from sessiondb.records import SessionFilter


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/home/ada/garden/", "/home/ada/garden"),
        ("/", "/"),
        (r"C:\Users\ada\garden", r"C:\Users\ada\garden"),
        ("c:\\Users\\ada\\garden\\", r"C:\Users\ada\garden"),
        ("c:/Users/ada/garden/", r"C:\Users\ada\garden"),
        (r"c:/Users\ada/garden", r"C:\Users\ada\garden"),
        (r"\\?\c:\Users\ada\garden", r"C:\Users\ada\garden"),
        ("d:/", "D:\\"),
        ("d:", "D:\\"),
        (r"\\nas\garden", r"\\nas\garden"),
        ("c:relative", "c:relative"),
        ("garden", "garden"),
    ],
)
def test_a_folder_has_one_spelling(written: str, path: str) -> None:
    assert normal_path(written) == path
    assert normal_path(path) == path


def test_a_folder_on_a_windows_drive_is_named_by_its_last_part() -> None:
    assert folder_name(normal_path("c:/Users/ada/garden")) == "garden"


def test_three_spellings_of_a_folder_are_one_project(tmp_path: Path) -> None:
    spellings = (r"C:\Users\ada\garden", r"c:\Users\ada\garden", "c:/Users/ada/garden/")
    with SessionDB(tmp_path / "x.db") as db:
        for spelling in spellings:
            db.sessions.start("mine", project=spelling)
        assert {session.project for session in db.sessions.page(SessionFilter())} == {r"C:\Users\ada\garden"}
        for spelling in (*spellings, "C:/users/ADA/garden", "garden"):
            assert db.sessions.count(SessionFilter(project=spelling)) == 3
