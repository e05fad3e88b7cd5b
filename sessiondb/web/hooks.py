"""The mark of functions that Datasette calls: its own, with types."""

from __future__ import annotations

from pluggy import HookimplMarker

hookimpl = HookimplMarker("datasette")
