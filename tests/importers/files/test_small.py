"""Small files beside a log: one that is not small is passed over."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sessiondb.importers.files.limits import MAX_BESIDE
from sessiondb.importers.files.small import bytes_beside, read_object


def test_a_file_beside_a_log_that_is_not_small_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "beside.json"
    file.write_bytes(b'{"a": 1}'.ljust(MAX_BESIDE))
    assert read_object(file) == {"a": 1}
    file.write_bytes(b'{"a": 1}'.ljust(MAX_BESIDE + 1))
    with pytest.raises(OSError, match="is larger than 16 MiB") as refused:
        bytes_beside(file)
    assert refused.value.errno == errno.EFBIG
    assert read_object(file) == {}
