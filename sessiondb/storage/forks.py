"""Connections across os.fork(): a child must not use, and not even close, what its parent has open.

SQLite's locks and its log belong to the parent. A child that closes an inherited connection clears the
index of the log, in memory that both share; one that keeps the lock file open keeps its lock.
"""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Any, Protocol


class Opened(Protocol):
    """What is told that it is in a forked child now."""

    def after_fork(self) -> None:
        """Let go of all that is the parent's."""


_opened: weakref.WeakSet[Any] = weakref.WeakSet()
_kept: list[object] = []


def watch(opened: Opened) -> None:
    """Tell an object when it finds itself in a forked child."""
    _opened.add(opened)


def leak(*handles: object) -> None:
    """Keep objects for as long as the process lives: none of them is closed, at its end either."""
    if not _kept:
        atexit.register(_never_free)
    _kept.extend(handles)


def _never_free() -> None:
    import ctypes

    for handle in _kept:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))


def _in_child() -> None:
    for opened in list(_opened):
        opened.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
