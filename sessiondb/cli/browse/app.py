"""The browser: a list of sessions, and on top of it the sessions that are opened."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from sessiondb.cli.browse.screens import ListScreen, ReaderScreen
from sessiondb.cli.browse.store import Store


class Browser(App[str]):
    """Browses the sessions of a database. Its result is the id of a session to resume, if there is one."""

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "browse.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "quit", priority=True)]

    def __init__(self, store: Store, query: str = "") -> None:
        super().__init__()
        self.store = store
        self._query = query

    def on_mount(self) -> None:
        """Show the list."""
        self.push_screen(ListScreen(self._query))

    def open_session(self, session_id: str, seq: int | None = None, query: str = "") -> None:
        """Show a session on top."""
        self.push_screen(ReaderScreen(session_id, seq, query))

    def back(self) -> None:
        """Go back from a session to what was shown before."""
        self.pop_screen()
        if isinstance(self.screen, (ListScreen, ReaderScreen)):
            self.screen.changed()
