"""What doctor says of agents: what is installed for each, when its hooks were called last, and what is broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.cli.options import database_path, reading
from sessiondb.cli.render import print_result
from sessiondb.errors import SessionDBError

if TYPE_CHECKING:
    from sessiondb.agents.install.health import Installed
    from sessiondb.records import Finding

_KINDS = {"hooks": "hooks", "mcp": "MCP server", "skill": "skill"}


class AgentHealth(NamedTuple):
    """What an agent has been given, and when its hooks were called last, None: not yet."""

    installed: Installed
    last_called: str | None


def agents_health() -> list[AgentHealth]:
    """Return how it is with each agent that something is installed for."""
    from sessiondb.agents.install import health
    from sessiondb.settings.database import default_database

    path = database_path().absolute()
    found = health.installed(path, is_default=path == default_database().absolute())
    calls = _last_calls() if found else {}
    return [AgentHealth(installed, calls.get(installed.agent)) for installed in found]


def _last_calls() -> dict[str, str]:
    try:
        with reading(quiet=True) as db:
            return db.hook_log.last_calls()
    except SessionDBError:
        return {}  # doctor has said what is wrong with the file


def agents_findings(agents: Sequence[AgentHealth]) -> list[Finding]:
    """Return what is broken."""
    from sessiondb.records import Finding

    return [Finding("install", problem, False) for agent in agents for problem in agent.installed.problems]


def agents_fields(agents: Sequence[AgentHealth]) -> list[dict[str, Any]]:
    """Return what JSON gives of them."""
    return [
        {
            "agent": agent.installed.agent,
            "installed": list(agent.installed.kinds),
            "hooks_last_called_at": agent.last_called,
            "remarks": list(agent.installed.remarks),
        }
        for agent in agents
    ]


def show_agents(agents: Sequence[AgentHealth]) -> None:
    """Print a line for each."""
    for installed, last_called in agents:
        kinds = [_KINDS[kind] for kind in installed.kinds]
        listed = f"{', '.join(kinds[:-1])} and {kinds[-1]}" if len(kinds) > 1 else kinds[0]
        print_result(f"{installed.agent}: {listed} installed{_called(installed, last_called)}")
        for remark in installed.remarks:
            print_result(remark)


def _called(installed: Installed, last_called: str | None) -> str:
    if "hooks" not in installed.kinds:
        return ""
    from sessiondb import timestamps

    return (
        f"; hooks last called {timestamps.relative_text(last_called)}"
        if last_called
        else "; no hook called yet"
    )
