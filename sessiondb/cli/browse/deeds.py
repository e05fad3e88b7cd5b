"""What can be done with the session that a screen shows: each asks for what it needs, does it, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual.binding import BindingType
from textual.screen import Screen

from sessiondb.chat.text import one_line, shown
from sessiondb.cli.browse.keymap import DEEDS
from sessiondb.errors import SessionDBError

if TYPE_CHECKING:
    from sessiondb.cli.browse.store import Store


class Browser(Protocol):
    """What a screen asks of the app that it is a part of."""

    store: Store

    def open_session(self, session_id: str, seq: int | None = None, query: str = "") -> None:
        """Show a session on top."""

    def back(self) -> None:
        """Go back from a session to what was shown before."""


class SessionScreen(Screen[None]):
    """A screen that has a current session."""

    BINDINGS: ClassVar[list[BindingType]] = DEEDS

    @property
    def browser(self) -> Browser:
        """Return the app."""
        return cast("Browser", self.app)

    @property
    def store(self) -> Store:
        """Return the database."""
        return self.browser.store

    @property
    def session_id(self) -> str | None:
        """Return the id of the current session."""
        raise NotImplementedError

    def changed(self) -> None:
        """Show the current session as it is now."""
        raise NotImplementedError

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show a line for a while."""
        self.notify(shown(text), severity="error" if is_error else "information", markup=False)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Show an error as a line."""
        try:
            yield
        except SessionDBError as error:
            self.say(str(error), is_error=True)

    def ask(self, question: str, value: str, do: Callable[[str, str], str]) -> None:
        """Ask for a text, and call a function with the session's id and it; show what that returns."""
        session_id = self.session_id
        if session_id is None:
            return

        def answered(text: str | None) -> None:
            if text is not None:
                with self.told():
                    self.say(do(session_id, text))
                    self.changed()

        from sessiondb.cli.browse.dialogs import Ask

        self.app.push_screen(Ask(question, value), answered)

    def action_tag(self) -> None:
        """Ask for the tags."""
        if self.session_id is None:
            return

        def tag(session_id: str, text: str) -> str:
            if text == before:
                return "tags unchanged"
            tags = [tag.strip() for tag in text.split(",") if tag.strip()]
            self.store.set_tags(session_id, tags)
            return f"tags: {', '.join(tags) or 'none'}"

        with self.told():
            before = one_line(", ".join(self.store.tags(self.session_id)))
            self.ask("Tags, with commas between them", before, tag)

    def action_title(self) -> None:
        """Ask for the title."""
        if self.session_id is None:
            return

        def title(session_id: str, text: str) -> str:
            if text == before:
                return "title unchanged"
            self.store.set_title(session_id, text)
            return "title changed" if text else "title removed"

        with self.told():
            before = one_line(self.store.session(self.session_id).title or "").strip()
            self.ask("Title", before, title)

    def action_pin(self) -> None:
        """Pin the session, or no longer."""
        if self.session_id is not None:
            with self.told():
                pinned = self.store.toggle_pin(self.session_id)
                self.say("pinned: prune keeps it" if pinned else "no longer pinned")
                self.changed()

    def action_end(self) -> None:
        """Ask whether to end the session."""
        session_id = self.session_id
        if session_id is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                with self.told():
                    self.store.end(session_id)
                    self.say("ended")
                    self.changed()

        from sessiondb.cli.browse.dialogs import Confirm

        self.app.push_screen(Confirm("End this session?"), answered)

    def action_export(self) -> None:
        """Ask for a file, and write the session to it."""
        if self.session_id is None:
            return

        def write(session_id: str, text: str) -> str:
            if not text:
                return "nothing was written"
            self.store.export(session_id, Path(text))
            return f"wrote {text}"

        name = "".join(
            character if character.isalnum() or character in "-_" else "-" for character in self.session_id
        )
        self.ask("Write to a file: .html, .md or .jsonl", f"{name[:40]}.html", write)

    def action_copy(self) -> None:
        """Copy the id, by the terminal's own clipboard."""
        if self.session_id is not None:
            self.app.copy_to_clipboard(self.session_id)
            self.say(f"copied {self.session_id}")

    def action_resume(self) -> None:
        """Ask whether to leave, and go on with the session in its agent."""
        session_id = self.session_id
        if session_id is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.app.exit(session_id)

        with self.told():
            from sessiondb.cli.browse.dialogs import Confirm

            found = self.store.resume_command(session_id)
            warnings = "".join(f"\n{shown(warning)}" for warning in found.warnings)
            self.app.push_screen(Confirm(f"Leave and run: {shown(found.line)}{warnings}\n"), answered)

    def action_family(self) -> None:
        """Show the session with its sub-agents; open the one that is chosen."""
        session_id = self.session_id
        if session_id is None:
            return

        def chosen(other: str | None) -> None:
            if other is not None and other != session_id:
                self.browser.open_session(other)

        with self.told():
            from sessiondb.cli.browse.dialogs import Relatives

            self.app.push_screen(Relatives(self.store.family(session_id), session_id), chosen)

    def action_help(self) -> None:
        """Show the keys."""
        from sessiondb.cli.browse.dialogs import Help

        self.app.push_screen(Help())
