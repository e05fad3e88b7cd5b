"""How a file is read line by line."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import msgspec

from sessiondb.importers.files.source import Source


def test_a_large_line_is_not_kept_once_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    size = 8 * 1024 * 1024
    path.write_bytes(b'{"text": "' + b"x" * size + b'"}\n')
    tracemalloc.start()
    try:
        for decoded in Source(path).json_lines(msgspec.json.decode, lambda value: value):
            assert len(decoded["text"]) == size
            assert tracemalloc.get_traced_memory()[0] < 1.5 * size
    finally:
        tracemalloc.stop()
