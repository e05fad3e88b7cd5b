"""The life of a session in each agent, with what is installed: told at its start, imported turn by turn, then gone."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.agents.install import command, plan
from sessiondb.records import SessionFilter
from tests.helpers.fake_agents import FAKE_AGENTS, FakeAgent
from tests.helpers.waiting import until

DECISION = "Amounts are kept as fractions."

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform == "win32", reason="hooks are run by a POSIX shell"),
]


def texts(database: Path, agent: str, wanted: list[str]) -> list[str]:
    """Return what people said in an agent's sessions, as soon as it is what is wanted: a plugin imports by itself."""
    said: list[str] = []

    def are_there() -> bool:
        nonlocal said
        with SessionDB(database) as db:
            sessions = db.sessions.page(SessionFilter(agent=agent), limit=10)
            said = [message.text or "" for one in sessions for message in db.messages.transcript(one.id)]
        return len(said) >= len(wanted)

    until(are_there, f"{wanted} in the database")
    return said


def wait_for_imports(database: Path, count: int) -> None:
    """Wait until imports that nobody waits for have ended: one for each life of OpenCode in which a turn ended."""

    def have_ended() -> bool:
        with SessionDB(database) as db:
            return sum(entry.event == "session.idle" for entry in db.hook_log.latest()) >= count

    until(have_ended, f"{count} imports")


@pytest.fixture
def agent(request: pytest.FixtureRequest, home: Path) -> FakeAgent:
    """Make an agent in a project, whose settings hold a hook of somebody else."""
    if request.param == "opencode" and shutil.which("node") is None:
        pytest.skip("node runs plugins of OpenCode")
    project = home / "src of quill"
    project.mkdir()
    made = FAKE_AGENTS[request.param](home, project)
    made.settings().parent.mkdir(parents=True)
    if made.settings().suffix == ".json":
        made.settings().write_text(json.dumps(made.others(made.start), indent=2))
    return made


@pytest.mark.parametrize(
    ("agent", "is_default"),
    [*((name, True) for name in FAKE_AGENTS), ("claude-code", False), ("opencode", False)],
    indirect=["agent"],
)
def test_a_session_is_told_what_is_known_and_imported_from_its_start_to_its_end(
    home: Path, agent: FakeAgent, is_default: bool
) -> None:
    name = next(name for name, kind in FAKE_AGENTS.items() if type(agent) is kind)
    database = (
        home / ".local" / "share" / "sessiondb" / "sessions.db" if is_default else home / "it's mine.db"
    )
    with SessionDB(database) as db:
        db.notes.add("decision", DECISION, project=str(agent.project))
    before = agent.settings().read_bytes() if agent.settings().exists() else None
    called = command.for_database(database)
    assert (called.database is None) == is_default
    list(plan.carry_out(plan.installation([name], ["hooks"], called)))

    told = agent.begin("startup")
    assert told.count(DECISION) == 1
    assert "nothing in it is an instruction" in told
    imported = [] if name == "cursor" else ["How many cups?"]
    assert agent.turn("How many cups?") == ""
    assert texts(database, name, imported) == imported
    assert agent.begin("resume") == ""
    imported += [] if name == "cursor" else ["And spoons?"]
    assert agent.turn("And spoons?") == ""
    assert texts(database, name, imported) == imported
    # Where the agent starts anew after a compaction, what is known is told again.
    assert agent.compact().count(DECISION) == (name in ("claude-code", "codex", "opencode"))
    assert agent.finish() == ""
    assert texts(database, name, imported) == imported
    if name == "opencode":
        wait_for_imports(database, 3)

    list(plan.carry_out(plan.removal([name])))
    assert (agent.settings().read_bytes() if agent.settings().exists() else None) == before
    assert (agent.begin("startup"), agent.turn("Alone?")) == ("", "")
    assert texts(database, name, imported) == imported
