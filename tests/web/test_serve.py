"""How `sessiondb web` serves: to this machine alone, to those with a token, and until it is told to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sessiondb.errors import InvalidInput
from sessiondb.web import serve
from sessiondb.web.serve import Server as Wanted
from sessiondb.web.serve import address_of
from tests.helpers.waiting import HANG
from tests.helpers.web import Server, environment, serving


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "elsewhere.example:80", "127.0.0.1.elsewhere.example", "", "[::2]"]
)
def test_a_foreign_host_reads_nothing(site: Server, host: str) -> None:
    for path in ("/", "/sessions/sessions.json", "/-/sessiondb/style.css"):
        found = site.get(path, Host=host)
        assert (found.status, "parser" in found.text) == (403, False)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1:99", "[::1]:8001"])
def test_the_names_of_this_machine_are_answered(site: Server, host: str) -> None:
    assert site.get("/", Host=host).status == 200


def test_who_has_the_token_gets_a_cookie_that_opens_all(python: Path, filled: Path) -> None:
    with serving(python, filled, "--token") as server:
        assert server.get("/").status == 403
        assert server.get("/-/sessiondb-enter?token=guess").status == 403
        assert server.get("/", Cookie="sessiondb_token=guess").status == 403
        log = filled.with_name(f"{server.base.rpartition(':')[2]}.log").read_text()
        address = next(word for word in log.split() if "token=" in word).rstrip(";")
        token = address.rpartition("=")[2]
        assert len(token) >= 32
        assert server.get("/", Cookie=f"a=b; sessiondb_token={token}").status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(
    python: Path, filled: Path, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving(python, filled) as server:
        server.get("/")
        assert list(tmp_path.glob("sessiondb-web-*"))
        server.process.send_signal(number)
        assert server.process.wait(HANG) == 0
    assert not list(tmp_path.glob("sessiondb-web-*"))
    log = filled.with_name(f"{server.base.rpartition(':')[2]}.log").read_text()
    assert "Traceback" not in log
    assert log.startswith(f"serving {filled} at {server.base}/; press Ctrl-C to stop\n")


def test_sql_is_allowed_where_it_is_asked_for(python: Path, filled: Path) -> None:
    with serving(python, filled, "--sql") as server:
        found = server.get("/sessions/-/query.json?sql=select+6*7+as+answer&_shape=array")
        if found.status != 200:
            found = server.get("/sessions.json?sql=select+6*7+as+answer&_shape=array")
        assert json.loads(found.text) == [{"answer": 42}]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "workstation"])
def test_other_machines_are_let_in_only_where_that_is_said(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidInput, match=r"reached by other machines.*--share"):
        address_of(Wanted(tmp_path, host=host, port=8001))

    address = address_of(Wanted(tmp_path, host=host, port=8001, is_shared=True))
    assert address.token is not None
    assert address.token in address.url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8001/"),
        ("::1", "http://[::1]:8001/"),
        ("localhost", "http://localhost:8001/"),
    ],
)
def test_this_machine_needs_no_token(tmp_path: Path, host: str, url: str) -> None:
    assert address_of(Wanted(tmp_path, host=host, port=8001)).url == url


def test_a_port_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", serve.FIRST_PORT))
            taken.listen()
        except OSError:
            pass  # somebody else listens there, which is as good
        assert address_of(Wanted(tmp_path)).port > serve.FIRST_PORT


def test_metadata_is_written_for_ones_own_datasette(filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    command = [sys.executable, "-m", "sessiondb", "--db", str(filled), "web", "--write-metadata"]
    for target in (str(file), "-"):
        done = subprocess.run(
            [*command, target], capture_output=True, text=True, check=True, env=environment(tmp_path)
        )

    written = json.loads(file.read_text())
    assert json.loads(done.stdout) == written
    assert written["databases"]["sessions"]["tables"]["sessions"]["sort_desc"] == "last_active_at"
