"""What an installation from the checkout, or from a source archive of it, ships."""

from __future__ import annotations

import configparser
import shutil
import sqlite3
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.helpers.building import ROOT, build, need_setuptools, run_python


def copy_of_checkout(target: Path) -> Path:
    """Copy what a build reads: building leaves files beside its sources."""
    target.mkdir()
    for name in (
        "setup.cfg",
        "pyproject.toml",
        "MANIFEST.in",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
    ):
        shutil.copy(ROOT / name, target)
    for name in ("sessiondb", "schema", "scripts", "tests", "docs"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.fixture(scope="module", params=["checkout", pytest.param("source archive", marks=pytest.mark.once)])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_setuptools()
    folder = tmp_path_factory.mktemp("packaging")
    source = copy_of_checkout(folder / "checkout")
    if request.param == "source archive":
        archive = build("sdist", source, folder / "sdist")
        run_python(["-m", "tarfile", "--extract", str(archive), str(folder / "unpacked")], folder)
        (source,) = (folder / "unpacked").iterdir()
    return build("wheel", source, folder / "wheel")


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_wheel_ships_every_file_and_the_whole_schema(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}

    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sessiondb").rglob("*") if path.is_file()}
    schema = {f"sessiondb/schema/{path.name}" for path in (ROOT / "schema").glob("*.sql")}
    assert schema
    assert shipped == {name for name in files if "__pycache__" not in name} | schema


def test_wheel_carries_the_version_and_the_licence(wheel: Path) -> None:
    import sessiondb

    with zipfile.ZipFile(wheel) as archive:
        licences = [name for name in archive.namelist() if name.endswith("/LICENSE")]

    assert metadata_of(wheel)["Version"] == sessiondb.__version__
    assert len(licences) == 1


def test_wheel_registers_the_command_and_all_entry_points(wheel: Path) -> None:
    points = configparser.ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        points.read_string(archive.read(name).decode())

    assert {group: dict(points[group]) for group in points.sections()} == {
        "console_scripts": {"sessiondb": "sessiondb.cli:main"},
        "datasette": {"sessiondb": "sessiondb.web.plugin"},
        "sessiondb.importers": {"sharegpt": "sessiondb.importers.sharegpt"},
    }


def test_unpacked_wheel_knows_the_importer_that_is_an_entry_point(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = "from sessiondb.importers import importer; print(importer('sharegpt').__file__)"

    printed = run_python(["-c", program], tmp_path, PYTHONPATH=str(tmp_path / "site"))

    assert printed == f"{tmp_path / 'site' / 'sessiondb' / 'importers' / 'sharegpt.py'}\n"


def test_unpacked_wheel_makes_a_database_from_its_own_schema(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = "import sessiondb; sessiondb.SessionDB('new.db').close(); print(sessiondb.__file__)"

    printed = run_python(["-c", program], tmp_path, PYTHONPATH=str(tmp_path / "site"))

    assert printed == f"{tmp_path / 'site' / 'sessiondb' / '__init__.py'}\n"
    database = sqlite3.connect(tmp_path / "new.db")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    database.close()
    assert version == len(list((ROOT / "schema").glob("*.sql")))


def test_setup_cfg_lists_every_package_folder() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")

    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "sessiondb").rglob("*.py")}
    packages = {".".join(folder.parts) for folder in folders} | {"sessiondb.schema"}
    assert set(setup["options"]["packages"].split()) == packages
