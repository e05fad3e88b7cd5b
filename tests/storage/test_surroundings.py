"""What is around a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.storage import surroundings

MOUNTS = r"""21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:26 / /home rw,relatime shared:2 - nfs4 server:/home rw
31 30 8:2 / /home/mira/my\040disk rw,relatime shared:3 - xfs /dev/sdb1 rw
32 21 0:27 / /mnt/cloud rw - fuse.sshfs mira@server:/ rw
33 21 0:28 / /homes rw shared:4 master:1 - btrfs /dev/sdc rw
"""
MAPS = """55d0-55d1 r-xp 00000000 08:01 7 /usr/bin/python3.11
7f00-7f10 r-xp 00000000 08:01 8    /usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6
7f10-7f20 rw-p 00000000 08:01 8    /usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6
7f20-7f30 rw-p 00000000 00:00 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/noor/sessions.db", "nfs4"),
        ("/home/mira/my disk/sessions.db", None),
        ("/homes/mira/sessions.db", None),
        ("/mnt/cloud/sessions.db", "fuse.sshfs"),
        ("/var/sessions.db", None),
    ],
)
def test_the_mount_that_a_path_lies_on_tells_whether_it_is_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, kind: str | None
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(surroundings, "_MOUNTS", tmp_path / "mountinfo")

    assert surroundings.network_file_system(Path(path)) == kind


def test_doctor_names_a_network_file_system_and_a_second_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = "7f30-7f40 r-xp 00000000 08:01 9    /home/mira/.venv/apsw/__init__.cpython-311.so\n"
    (tmp_path / "maps").write_text(MAPS + second)
    (tmp_path / "mountinfo").write_text(MOUNTS.replace("/ / rw", "/ / rw").replace("- ext4", "- cifs"))
    monkeypatch.setattr(surroundings, "_MAPS", tmp_path / "maps")
    monkeypatch.setattr(surroundings, "_MOUNTS", tmp_path / "mountinfo")

    with SessionDB(tmp_path / "sessions.db") as db:
        found = {finding.check: finding.problem for finding in db.check()}

    assert set(found) == {"place", "process"}
    assert "(cifs)" in found["place"]
    assert "2 SQLite libraries" in found["process"]
    assert "apsw" in found["process"]


def test_one_library_that_is_mapped_in_several_pieces_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "maps").write_text(MAPS)
    monkeypatch.setattr(surroundings, "_MAPS", tmp_path / "maps")

    assert surroundings.sqlite_libraries() == ["/usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6"]


def test_where_the_system_tells_nothing_nothing_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "_MAPS", tmp_path / "none")
    monkeypatch.setattr(surroundings, "_MOUNTS", tmp_path / "none")

    assert (surroundings.sqlite_libraries(), surroundings.network_file_system(tmp_path)) == ([], None)
