"""Importers of other distributions: a stranger's works, a broken one is named and stops nothing."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB, importers
from sessiondb.errors import InvalidInput
from sessiondb.importers import detect, registered
from sessiondb.ingest.run import Ingest
from sessiondb.records import ImportReport
from tests.helpers.building import ROOT, build, need_setuptools, run_python

GOOD = """
name = "acme"
version = 3
def sniff(sample):
    return 2 if any("acme" in line for line in sample.lines) else 0
def read(source):
    from sessiondb.importers.base import MessageRecord, SessionRecord
    yield SessionRecord("s1", name, "s1")
    for number, line in enumerate(source.json_lines(__import__("json").loads, lambda value: value)):
        yield MessageRecord("s1", "user", line["acme"], str(number))
"""
CHAT = '{"conversations": [{"from": "human", "value": "hello"}, {"from": "gpt", "value": "hi"}]}\n'

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a distribution `<name>-log 1.0` of one module, an importer of that name."""
    site = tmp_path / "site"
    site.mkdir()

    def add(name: str, code: str) -> None:
        (site / f"{name}_log.py").write_text(code, "utf-8")
        about = site / f"{name}_log-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-log\nVersion: 1.0\n", "utf-8")
        (about / "entry_points.txt").write_text(f"[{registered.GROUP}]\n{name} = {name}_log\n", "utf-8")
        monkeypatch.syspath_prepend(site)

    def forget() -> None:
        importers.importers.cache_clear()
        importers._registered.cache_clear()
        detect._blamed.clear()

    forget()
    yield add
    forget()
    for name in [name for name in sys.modules if name.endswith("_log") and "." not in name]:
        del sys.modules[name]


def run(folder: Path) -> ImportReport:
    """Import a folder with a log of Acme and one of ShareGPT."""
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    (logs / "acme.jsonl").write_text('{"acme": "first"}\n', "utf-8")
    (logs / "chats.jsonl").write_text(CHAT, "utf-8")
    with SessionDB(folder / "sessions.db") as db:
        return Ingest(db.connection).run([str(logs)])


def test_ours_is_known_by_its_entry_point_alone() -> None:
    found = importers.importer("sharegpt")

    assert found.__name__ == "sessiondb.importers.sharegpt"  # type: ignore[attr-defined]
    assert found in registered.registered([]).importers
    assert "sharegpt" not in importers._MODULES


def test_a_strangers_format_is_imported_beside_ours(install: Install, tmp_path: Path) -> None:
    install("acme", GOOD)

    report = run(tmp_path)

    assert (len(report.sessions_added), report.messages_added, report.skipped) == (2, 3, [])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module_at_all", "loading it failed with ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "loading it failed with SystemExit: 3"),
        ("def f(:", "loading it failed with SyntaxError"),
        (GOOD.replace("version = 3", ""), "it has no `version` of type int"),
        (GOOD.replace('"acme"', "7", 1), "it has no `name` of type str"),
        (GOOD.replace("def read", "def reed"), "it has no function `read`"),
        (GOOD.replace("def sniff", "def snuff"), "it has no function `sniff`"),
        (GOOD.replace('"acme"', '"codex"', 1), "there is another importer of the name 'codex'"),
    ],
)
def test_one_that_cannot_be_used_is_named_and_stops_nothing(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture, code: str, reason: str
) -> None:
    install("broken", code)
    install("acme", GOOD)

    report = run(tmp_path)

    assert (len(report.sessions_added), report.skipped) == (2, [])
    (told,) = caplog.messages
    assert told.startswith(
        "the importer 'broken' (broken_log) of broken-log 1.0 is left out, the others work: "
    )
    assert reason in told
    assert "Update or uninstall broken-log; if it is yours, see sessiondb/importers/base.py" in told
    with pytest.raises(
        InvalidInput, match=r"there is no format 'broken': choose one of .*; the importer 'broken'"
    ):
        importers.importer("broken")


def test_one_that_fails_to_look_at_a_file_keeps_no_other_from_it(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install("acme", GOOD.replace("return 2", "raise KeyError('a bug')\n    return 2"))

    report = run(tmp_path)

    assert len(report.sessions_added) == 1
    assert [Path(skipped.path).name for skipped in report.skipped] == ["acme.jsonl"]
    (told,) = caplog.messages
    assert told.startswith("the importer 'acme' cannot tell whether a file is its own")
    assert "KeyError: 'a bug'" in told


def test_the_entry_points_are_read_once_in_a_run(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install("broken", "broken")
    asked: list[dict[str, str]] = []

    def remember(**how: str) -> Any:
        asked.append(how)
        return importlib.metadata.entry_points(**how)

    monkeypatch.setattr(registered, "entry_points", remember)
    with caplog.at_level(logging.WARNING):
        run(tmp_path)
        run(tmp_path)

    assert asked == [{"group": registered.GROUP}]
    assert len(caplog.messages) == 1


@pytest.mark.once
def test_the_example_in_the_docs_is_a_package_that_works(tmp_path: Path) -> None:
    need_setuptools()
    text = (ROOT / "docs" / "importers.md").read_text("utf-8")
    package = tmp_path / "package"
    package.mkdir()
    for _, name, code in re.findall(
        r"```(python|toml)\n# (acme_log\.py|pyproject\.toml)\n(.*?)```", text, re.DOTALL
    ):
        (package / name).write_text(code, "utf-8")
    with zipfile.ZipFile(build("wheel", package, tmp_path / "wheel")) as archive:
        archive.extractall(tmp_path / "site")
    log = tmp_path / "chats.jsonl"
    line = {"chat": 7, "at": "2026-03-01T09:00:00Z", "by": "me", "text": "Hello"}

    def imported() -> list[int]:
        arguments = ["-m", "sessiondb", "import", str(log), "--json", "--db", str(tmp_path / "sessions.db")]
        environment = {"PYTHONPATH": os.pathsep.join(map(str, (tmp_path / "site", ROOT)))}
        report = json.loads(run_python(arguments, tmp_path, **environment))
        assert all(skipped["line"] for skipped in report["skipped"])
        counts = [report["sessions"]["added"], report["sessions"]["updated"], report["messages"]["added"]]
        return [*counts, len(report["skipped"])]

    log.write_text("".join(json.dumps({**line, "by": by}) + "\n" for by in ("me", "Acme", "me")), "utf-8")
    assert imported() == [1, 0, 3, 0]
    assert imported() == [0, 0, 0, 0]
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**line, "chat": 8}) + "\n[]\n" + json.dumps({**line, "at": None})[:-9])
    assert imported() == [1, 0, 1, 1]
