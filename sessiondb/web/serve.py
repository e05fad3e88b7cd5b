"""Start Datasette on our file, in this process, with what it says of the tables and with a guard before it."""

from __future__ import annotations

import gc
import ipaddress
import json
import secrets
import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sessiondb.errors import InvalidInput
from sessiondb.web.metadata import metadata

FIRST_PORT = 8001
_PORTS = 100
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

# Transcripts are long: a cell shows its beginning, and counting may take longer than Datasette expects.
SETTINGS = {
    "default_page_size": "50",
    "truncate_cells_html": "400",
    "sql_time_limit_ms": "10000",
    "facet_time_limit_ms": "2000",
    "num_sql_threads": "2",
    "allow_download": "off",
}


class Server(NamedTuple):
    """How the database is served: where, whether to other machines too, and what may be done there."""

    path: Path
    host: str = "127.0.0.1"
    port: int | None = None
    is_shared: bool = False
    has_token: bool = False
    allows_sql: bool = False
    options: Sequence[str] = ()


class Address(NamedTuple):
    """Where a server is, and what its first page is opened by."""

    host: str
    port: int
    token: str | None

    @property
    def url(self) -> str:
        """Return the address of the first page, with the token where there is one."""
        from sessiondb.web.guard import ENTER

        # Whoever listens at all addresses of the machine is found at this one.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}" + (f"{ENTER}?token={self.token}" if self.token else "/")


def address_of(server: Server) -> Address:
    """Return where a server will be. Raises InvalidInput where it may not be there, or Datasette is missing."""
    if find_spec("datasette") is None:
        raise InvalidInput(
            "Datasette is not installed here: run `pip install 'sessiondb[web]'` (with pipx:"
            " `pipx inject sessiondb datasette`), and try again"
        )
    is_open = not is_loopback(server.host)
    if is_open and not server.is_shared:
        raise InvalidInput(
            f"{server.host} can be reached by other machines, and whoever reads the database reads all your sessions:"
            " add --share if you want that, and a token will be required"
        )
    token = secrets.token_urlsafe(24) if is_open or server.has_token else None
    return Address(server.host, server.port or _free_port(server.host), token)


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def serve(server: Server, address: Address, *, opens: bool = False) -> None:
    """Serve the database until the process is told to stop: by Ctrl-C, which is raised."""
    from datasette.cli import cli
    from datasette.plugins import pm

    from sessiondb.web import plugin
    from sessiondb.web.guard import Guard

    # The command line switches it off, for commands that end soon.
    gc.enable()
    hosts = None if not is_loopback(address.host) else _LOOPBACK | {address.host.lower()}
    with ExitStack() as stack:
        if plugin not in pm.get_plugins():
            pm.register(plugin, name="sessiondb")
            stack.callback(pm.unregister, plugin)
        guard = pm.register(Guard(hosts, address.token))
        stack.callback(pm.unregister, name=guard)
        folder = Path(
            stack.enter_context(TemporaryDirectory(prefix="sessiondb-web-", ignore_cleanup_errors=True))
        )
        arguments = _arguments(server, address, folder)
        if opens:
            threading.Thread(target=_open, args=(address,), daemon=True).start()
        cli.main(arguments, prog_name="datasette", standalone_mode=False)


def _arguments(server: Server, address: Address, folder: Path) -> list[str]:
    """Return the command line of Datasette, its metadata in a file below a folder."""
    from datasette import __version_info__

    file = folder / "metadata.json"
    file.write_text(json.dumps(metadata(server.path.stem)), encoding="utf-8")
    settings = {**SETTINGS, "default_allow_sql": "on" if server.allows_sql else "off"}
    arguments = ["serve", str(server.path), "--host", address.host, "--port", str(address.port)]
    arguments += ["--metadata", str(file)]
    # From 1.0 on, queries are no metadata but configuration, and are read from the same text.
    if not str(__version_info__[0]).startswith("0"):
        arguments += ["--config", str(file)]
    arguments += [word for name, value in settings.items() for word in ("--setting", name, value)]
    return [*arguments, *server.options]


def _free_port(host: str) -> int:
    """Return the first port from FIRST_PORT on that nobody listens at."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(FIRST_PORT, FIRST_PORT + _PORTS):
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, port))
            except OSError:
                continue
            return port
    raise InvalidInput(f"no port of {host} from {FIRST_PORT} on is free: give one with --port")


def _open(address: Address) -> None:
    """Open the first page in the browser as soon as the server answers."""
    import time
    import webbrowser

    for _ in range(100):
        try:
            socket.create_connection((address.host, address.port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            webbrowser.open(address.url)
            return
