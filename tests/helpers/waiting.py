"""Waiting for another thread or process, and proof that nobody waited: with no bound that a busy machine reaches."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

HANG = 300.0
"""Seconds after which what should have come by then never will: they end a test that hangs, and cost nothing else."""


def until(is_so: Callable[[], object], what: str) -> None:
    """Wait until something is so; fail where that never comes."""
    end = time.monotonic() + HANG
    while not is_so():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.005)


@contextlib.contextmanager
def nobody_waited_for() -> Iterator[None]:
    """Let a block fail of the first pause that this thread makes in it."""
    mine, sleep = threading.get_ident(), time.sleep

    def refuse(seconds: float) -> None:
        assert threading.get_ident() != mine, f"a pause of {seconds} s"
        sleep(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", refuse)
        yield
