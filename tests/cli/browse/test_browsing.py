"""sessiondb browse, driven by keys as a person would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static
from textual.worker import WorkerCancelled

from sessiondb import SessionDB
from sessiondb.cli.browse import screens, store
from sessiondb.cli.browse.app import Browser
from sessiondb.cli.browse.dialogs import Ask, Confirm, Help, Relatives
from sessiondb.cli.browse.listing import SessionList
from sessiondb.cli.browse.reader import Reader
from sessiondb.cli.browse.screens import ListScreen, ReaderScreen
from sessiondb.cli.browse.store import Store
from tests.helpers.payloads import PAYLOADS

Script = Callable[["Person"], Awaitable[None]]
PAUSE = 0.01
SIZES = [(80, 24), (140, 40)]


class Person:
    """Types keys, and sees what is on the screen."""

    def __init__(self, app: Browser, pilot: Pilot[str]) -> None:
        self.app = app
        self._pilot = pilot

    async def type(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self.wait()

    async def write(self, text: str) -> None:
        names = {" ": "space", ":": "colon", "/": "slash", ".": "full_stop", ",": "comma", "-": "minus"}
        await self.type(*(names.get(character, character) for character in text))

    async def wait(self) -> None:
        is_over = False
        while not is_over:
            await self._pilot.pause(2 * PAUSE)
            # A search that a further one takes the place of is cancelled: that one is waited for then.
            with contextlib.suppress(WorkerCancelled):
                await self.app.workers.wait_for_complete()
            await self._pilot.pause(2 * PAUSE)
            is_over = not self._is_waited_for and all(worker.is_finished for worker in self.app.workers)

    @property
    def _is_waited_for(self) -> bool:
        """Say whether the list waits for a pause of the person: a busy machine lets it wait for longer."""
        screen = self.app.screen
        timers = (screen._typing, screen._looking) if isinstance(screen, ListScreen) else ()
        tasks = [timer._task for timer in timers if timer is not None]
        return any(task is not None and not task.done() for task in tasks)

    @property
    def listed(self) -> list[str]:
        rows = self.app.screen.query_one(SessionList).rows
        assert rows is not None
        found = [rows.row(index) for index in range(rows.total)]
        return [row.session.id for row in found if row is not None]

    @property
    def chosen(self) -> str | None:
        screen = self.app.screen
        assert isinstance(screen, (ListScreen, ReaderScreen))
        return screen.session_id

    @property
    def reader(self) -> Reader:
        return self.app.screen.query_one(Reader)

    @property
    def line(self) -> str:
        return self.reader._lines[self.reader.line][1].plain

    @property
    def told(self) -> str:
        """Return what was said for a while."""
        return "\n".join(notice.message for notice in self.app._notifications)

    @property
    def seen(self) -> str:
        """Return the text of the screen, as it is drawn."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join(strip.text for strip in strips)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the screens wait for less time than a person would."""
    monkeypatch.setattr(screens, "TYPING", PAUSE)
    monkeypatch.setattr(screens, "LOOKING", PAUSE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database of a session with a sub-agent, and two others."""
    path = tmp_path / "s.db"
    with SessionDB(path) as db:
        db.sessions.start("codex", id="fig", title="Fig trees", started_at="2026-01-01T00:00:00Z")
        db.messages.append("fig", "user", "How do figs grow?", created_at="2026-01-01T00:00:01Z")
        db.sessions.start(
            "claude-code", id="parser", title="Recipe parser", project="/src/quill", tags=["wip"]
        )
        for turn in range(1, 4):
            db.messages.append("parser", "user", f"Question {turn}: why does the parser fail?")
            call = {"id": f"c{turn}", "name": "Bash", "arguments": {"command": "pytest"}}
            db.messages.append("parser", "assistant", f"Answer {turn}", tool_calls=[call])
            db.messages.append("parser", "tool", f"line\nneedle {turn}\nline", tool_call_id=f"c{turn}")
        db.sessions.start("claude-code", id="helper", title="Helper", parent="parser", relation="subagent")
        db.messages.append("helper", "user", "Find the parser's tests")
        db.sessions.start("hermes", id="ferry", title="船 Ferry")
        db.messages.append("ferry", "user", "When does the ferry leave?")
    return path


def browse(path: Path, script: Script, size: tuple[int, int] = (80, 24), query: str = "") -> Browser:
    """Let a person use the browser, and return it when they have."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            person = Person(app, pilot)
            await person.wait()
            await script(person)

    with Store(path) as opened:
        app = Browser(opened, query)
        asyncio.run(run())
    return app


@pytest.mark.parametrize("size", SIZES)
def test_the_newest_sessions_are_listed_with_a_preview(path: Path, size: tuple[int, int]) -> None:
    async def script(person: Person) -> None:
        assert person.listed == ["ferry", "parser", "fig"]
        assert person.chosen == "ferry"
        assert "船 Ferry" in person.seen
        assert "When does the ferry leave?" in person.seen
        assert "1/3" in person.seen
        await person.type("j")
        assert "Question 1: why does the parser" in person.seen
        await person.type("G")
        assert person.chosen == "fig"
        await person.type("k", "g")
        assert person.chosen == "ferry"
        await person.type("down", "end", "home")
        assert person.chosen == "ferry"
        await person.type("a")
        assert person.listed == ["ferry", "helper", "parser", "fig"]

    browse(path, script, size)


@pytest.mark.once
def test_the_filter_takes_the_query_language_as_it_is_typed(path: Path) -> None:
    async def script(person: Person) -> None:
        await person.type("slash")
        await person.write("pars")
        assert person.listed == ["parser"]
        await person.write("er agent:hermes")
        assert person.listed == []
        assert "no session fits" in person.seen
        await person.type(*["backspace"] * 40)
        assert person.listed == ["ferry", "parser", "fig"]
        await person.write("tag:wip")
        await person.type("enter", "y")
        assert person.chosen == "parser"
        assert person.app.clipboard == "parser"
        await person.type("escape")
        assert person.app.screen.query_one("#filter", Input).value == ""
        assert len(person.listed) == 3

    browse(path, script)


def test_a_query_can_be_given_at_first(path: Path) -> None:
    async def script(person: Person) -> None:
        assert person.listed == ["fig"]

    browse(path, script, query="figs grow")


@pytest.mark.parametrize("size", SIZES)
def test_the_line_of_keys_cuts_none(path: Path, size: tuple[int, int]) -> None:
    async def script(person: Person) -> None:
        for _ in range(2):
            line = person.seen.splitlines()[-1].rstrip()
            assert "? help" in line
            assert line.endswith(("m pin", "t tags", "s tree"))
            await person.type("enter")
            await person.type("enter")

    browse(path, script, size=size)


def test_what_a_filter_cannot_mean_is_said(path: Path) -> None:
    async def script(person: Person) -> None:
        assert "no session has the agent 'herms': did you mean hermes?" in person.seen

    browse(path, script, query="agent:herms")


def test_a_filter_that_lists_not_all_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_HITS", 2)

    async def script(person: Person) -> None:
        assert len(person.listed) == 2
        assert "1 more session not listed: add words or fields" in person.seen

    browse(path, script, query="role:user")


def test_a_session_is_read_with_folding_hits_and_turns(path: Path) -> None:
    async def script(person: Person) -> None:
        await person.type("j", "enter")
        assert isinstance(person.app.screen, ReaderScreen)
        assert "❯ User" in person.line
        assert "needle" not in person.seen
        await person.type("right_square_bracket")
        assert person.line.endswith("#4")
        await person.type("J", "J")
        assert person.line.endswith("#7")
        assert "no further turn" in person.told
        await person.type("left_square_bracket")
        assert person.line.endswith("#4")
        await person.type("slash", *"needle", "enter")
        assert person.line.strip() == "needle 2"
        await person.type("N")
        assert person.line.strip() == "needle 1"
        await person.type("n", "n", "n")
        assert person.line.strip() == "needle 3"
        assert "no further hit" in person.told
        await person.type("z", "z", "g")
        assert all(not block.is_folded for block in person.reader.blocks)
        await person.type("z")
        assert "needle" not in person.seen
        await person.type("q")
        assert person.chosen == "parser"

    browse(path, script)


def test_markdown_is_drawn_when_it_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SessionDB(path) as db:
        id = db.sessions.start("codex", title="T").id
        for turn in range(30):
            db.messages.append(id, "user", f"**typed** {turn}")
            db.messages.append(id, "assistant", f"A **bold** word.\n\n- point {turn}\n\n`needle{turn}`")

    async def script(person: Person) -> None:
        await person.type("enter")
        assert "**typed** 0" in person.seen
        assert "A bold word." in person.seen
        assert not person.reader.blocks[-1].drawn
        await person.type("slash", *"needle25", "enter")
        assert person.line.strip() == "needle25"
        assert person.line in person.seen
        await person.type("G")
        assert person.reader.blocks[-1].drawn
        assert "• point 29" in person.seen

    browse(path, script)


def test_a_hit_is_opened_where_it_is(path: Path) -> None:
    async def script(person: Person) -> None:
        await person.type("enter")
        assert person.reader.block is not None
        assert person.reader.block.seq == 4
        assert "❯ User" in person.line

    browse(path, script, query='"Question 2"')


def test_enter_unfolds_a_call_and_opens_a_sub_agent(path: Path) -> None:
    async def script(person: Person) -> None:
        await person.type("j", "enter", *"jjjjj")
        assert person.line.startswith("▸ Bash: pytest")
        await person.type("enter", "j", "j")
        assert person.line.strip() == "needle 1"
        await person.type("G", "enter")
        assert person.chosen == "helper"
        await person.type("escape")
        assert person.chosen == "parser"

    browse(path, script)


def test_sub_agents_are_a_tree(path: Path) -> None:
    async def script(person: Person) -> None:
        await person.type("j", "s")
        assert isinstance(person.app.screen, Relatives)
        assert "Helper" in person.seen
        await person.type("j", "enter")
        assert person.chosen == "helper"
        await person.type("s")
        assert person.app.screen.query_one("Tree").cursor_line == 1  # type: ignore[attr-defined]
        await person.type("escape")

    browse(path, script)


def test_sessions_are_tagged_titled_pinned_and_ended(path: Path) -> None:
    async def script(person: Person) -> None:
        await person.type("j", "t")
        assert person.app.screen.query_one(Input).value == "wip"
        await person.write(", done")
        await person.type("enter", "m", "e", *["backspace"] * 30)
        await person.write("New title")
        await person.type("enter", "X")
        assert isinstance(person.app.screen, Confirm)
        await person.type("n", "X", "y")
        assert "New title" in person.seen
        assert "★" in person.seen
        await person.type("enter", "t", "escape", "X", "y")
        assert "this session has ended already" in person.told

    browse(path, script)

    with SessionDB(path, read_only=True) as db:
        session = db.sessions.get("parser")
        assert (session.title, session.pinned, session.is_open) == ("New title", True, False)
        assert sorted(db.sessions.tags("parser")) == ["done", "wip"]


def test_a_session_is_written_to_a_file_that_is_not_there(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(person: Person) -> None:
        await person.type("w")
        assert isinstance(person.app.screen, Ask)
        await person.type("enter")
        assert "wrote ferry.html" in person.told
        await person.type("w", "enter")
        assert "ferry.html" in person.told.splitlines()[-1]

    browse(path, script, (140, 40))

    assert (tmp_path / "ferry.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_resume_leaves_the_screen_with_the_session(path: Path) -> None:
    async def script(person: Person) -> None:
        await person.type("j", "r")
        assert "claude --resume parser" in person.seen
        await person.type("y")

    assert browse(path, script).return_value == "parser"


def test_help_shows_the_keys(path: Path) -> None:
    async def script(person: Person) -> None:
        await person.type("question_mark")
        assert isinstance(person.app.screen, Help)
        assert "j k  ↓ ↑" in person.seen
        await person.type("q")
        assert isinstance(person.app.screen, ListScreen)

    browse(path, script)


@pytest.mark.once
def test_nothing_in_a_session_drives_the_terminal_or_is_markup(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    texts = [
        *(" ".join(PAYLOADS[start::4]) for start in range(4)),
        "[bold red]not markup[/] [@click=app.quit]x[/] [/nothing]",
        "$secret [link=http://x]y[/link]",
    ]
    with SessionDB(path) as db:
        for number, text in enumerate(texts):
            id = db.sessions.start("codex", title=text, project=f"/{text}", tags=[text]).id
            call = {"id": "c", "name": text, "arguments": {"command": text}}
            db.messages.append(id, "user", f"{number} {text}")
            db.messages.append(id, "assistant", text, reasoning=text, tool_calls=[call])
            db.messages.append(id, "tool", text, tool_call_id="c")

    async def script(person: Person) -> None:
        for number in range(len(texts)):
            seen = person.seen
            await person.type("enter", "z")
            seen += person.seen
            await person.type("y", "s", "escape", "t", "escape", "e", "escape", "q", "j")
            seen += person.seen
            assert all(character.isprintable() or character == "\n" for character in seen), number

        assert person.app.is_running

    browse(path, script)


def test_markup_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SessionDB(path) as db:
        id = db.sessions.start("codex", title="[bold]T[/bold]").id
        db.messages.append(id, "user", "[red]said[/red] [/oops]")

    async def script(person: Person) -> None:
        assert person.seen.count("[bold]T[/bold]") == 2
        assert "[red]said[/red] [/oops]" in person.seen
        await person.type("enter")
        assert "[bold]T[/bold]" in person.seen
        assert "[red]said[/red] [/oops]" in person.seen

    browse(path, script)


def test_an_empty_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    SessionDB(path).close()

    async def script(person: Person) -> None:
        await person.type("j", "G", "enter", "t", "e", "m", "X", "w", "y", "r", "s")
        assert "no sessions" in str(person.app.screen.query_one("#state", Static).content)

    browse(path, script)
