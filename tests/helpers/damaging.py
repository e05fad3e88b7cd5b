"""Databases that are damaged at known places."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

PAGE = 4096


def overwrite(path: Path, *pages: int, with_bytes: bytes = b"\0") -> None:
    """Put bytes over whole pages of a file."""
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write((with_bytes * PAGE)[:PAGE])


def pages_of(path: Path, table: str, kind: str = "leaf") -> list[int]:
    """Return the pages of a table in the order of its rows: its leaves, or what leads to them."""
    wanted = {"leaf": 13, "interior": 5}[kind]
    data = path.read_bytes()
    with contextlib.closing(sqlite3.connect(path)) as plain:
        (root,) = plain.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()

    def below(number: int) -> list[int]:
        page = data[(number - 1) * PAGE : number * PAGE]
        here = [number] if page[0] == wanted else []
        if page[0] != 5:
            return here
        count = int.from_bytes(page[3:5], "big")
        cells = [int.from_bytes(page[12 + 2 * n : 14 + 2 * n], "big") for n in range(count)]
        children = [int.from_bytes(page[at : at + 4], "big") for at in (*cells, 8)]
        return here + [found for child in children for found in below(child)]

    return below(root)
