"""Names that are mistyped, or that go by another name: agents, projects, models, tags, commands and options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]

COMMANDS = [["list"], ["search", "parser"], ["stats"], ["usage"], ["export"], ["prune", "--days", "0", "-n"]]


@pytest.fixture
def named(path: Path) -> Path:
    """Make sessions of agents that have short names, in two projects of one name."""
    with SessionDB(path) as db:
        for id, agent, model, project in (
            ("c1", "claude-code", "opus-4", "/home/mira/src/quill"),
            ("g1", "gemini-cli", "gemini-3-pro", "/home/mira/old/quill"),
            ("x1", "codex", "gpt-5.1", "/home/mira/src/tidewatch"),
        ):
            db.sessions.start(agent, id=id, project=project, model=model, tags=[f"of-{agent}"])
            db.messages.append(id, "user", f"the parser of {id}")
            db.sessions.end(id)
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_agent_that_no_session_has_is_named_with_the_nearest(
    named: Path, run: Run, command: list[str]
) -> None:
    result = run(*command, "--agent", "gemni")

    assert result.exit_code == 0, result.output
    assert "no session has the agent 'gemni': did you mean gemini-cli?\n" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--project", "tidewach", "project 'tidewach': did you mean /home/mira/src/tidewatch?"),
        ("--project", "quil", "project 'quil': did you mean /home/mira/old/quill or /home/mira/src/quill?"),
        ("--model", "gpt51", "model 'gpt51': did you mean gpt-5.1?"),
        ("--tag", "of-codx", "tag 'of-codx': did you mean of-codex?"),
        ("--agent", "zzz", "agent 'zzz': there are claude-code, codex, gemini-cli"),
        ("--platform", "telegram", "platform 'telegram': there are no platforms yet"),
    ],
)
def test_a_name_that_no_session_has_is_named_with_those_there_are(
    named: Path, run: Run, option: str, value: str, said: str
) -> None:
    said_first = run("list", option, value).stderr.splitlines()[0]

    assert sorted(re.split(r"[ ,?]+", said_first)) == sorted(
        re.split(r"[ ,?]+", f"no session has the {said}")
    )


@pytest.mark.parametrize("project", ["garden", "/home/mira/src/garden"])
def test_a_project_that_only_notes_are_about_is_said_to_be_there(named: Path, run: Run, project: str) -> None:
    with SessionDB(named) as db:
        db.notes.add("decision", "Water on Mondays", project="/home/mira/src/garden")

    result = run("search", "water", "--project", project)

    assert "Mondays" in result.stdout
    assert f"no session has the project '{project}', only notes do" in result.stderr


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("parser agent:gemni", "no session has the agent 'gemni': did you mean gemini-cli?"),
        ("parser project:tidewach", "no session has the project 'tidewach'"),
        ("parser tag:of-codx", "no session has the tag 'of-codx': did you mean of-codex?"),
        ("parser before:each", "before:each was searched for as text: before: takes a time"),
        ("parser role:admin", "role:admin was searched for as text: the roles are user, assistant"),
    ],
)
def test_a_field_of_a_query_that_cannot_be_meant_says_so(
    named: Path, run: Run, query: str, said: str
) -> None:
    assert said in run("search", query).stderr


@pytest.mark.parametrize(
    ("alias", "found"), [("claude", "c1"), ("Claude", "c1"), ("gemini", "g1"), ("codex-cli", "x1")]
)
def test_agents_go_by_what_people_call_them(named: Path, run: Run, alias: str, found: str) -> None:
    listed = json.loads(run("list", "--agent", alias, "--json").stdout)
    searched = json.loads(run("search", "parser", f"agent:{alias}", "--json").stdout)
    pruned = json.loads(run("prune", "--days", "0", "-n", "--json", "--agent", alias).stdout)

    assert [session["id"] for session in listed] == [found]
    assert [hit["session_id"] for hit in searched["hits"]] == [found]
    assert pruned["sessions"] == 1


def test_import_knows_agents_by_what_people_call_them(run: Run) -> None:
    assert set(SessionDB.log_places(["claude", "gemini"])) == {"claude-code", "gemini-cli"}


def test_an_agent_of_the_short_name_is_found_as_well(path: Path, run: Run) -> None:
    with SessionDB(path) as db:
        db.sessions.start("claude", id="mine")
        db.sessions.start("claude-code", id="theirs")

    assert {row["id"] for row in json.loads(run("list", "--agent", "claude", "--json").stdout)} == {
        "mine",
        "theirs",
    }


def test_project_means_the_same_for_notes_as_for_lists(named: Path, run: Run) -> None:
    run("note", "add", "decision", "in the tide", "--project", "TideWatch")
    with SessionDB(named) as db:
        for folder in ("src", "old"):
            db.notes.add("decision", f"in {folder}", project=f"/home/mira/{folder}/quill")

    tide = json.loads(run("note", "list", "--project", "src/tidewatch", "--json").stdout)
    both = json.loads(run("note", "list", "--project", "quill", "--json").stdout)

    assert [(note["body"], note["project"]) for note in tide] == [("in the tide", "/home/mira/src/tidewatch")]
    assert [note["body"] for note in both] == ["in old", "in src"]
    assert "in the tide" in run("brief", "--project", "tidewatch").stdout


@pytest.mark.parametrize("command", [["brief"], ["note", "add", "win", "x"], ["note", "done", "x"]])
def test_where_one_project_is_needed_a_name_of_two_is_refused(
    named: Path, run: Run, command: list[str]
) -> None:
    result = run(*command, "--project", "quill")

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: several projects are called quill: /home/mira/old/quill, /home/mira/src/quill; give the whole"
        " path\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serach", "x"], "No such command 'serach'. Did you mean search"),
        (["zzzz"], "No such command 'zzzz'."),
        (["list", "--agnet", "codex"], "--agent"),
        (["search", "x", "--agnet", "codex"], "--agent"),
    ],
)
def test_mistyped_commands_and_options_are_named_with_the_nearest(
    run: Run, arguments: list[str], said: str
) -> None:
    result = run(*arguments)

    assert (result.exit_code, said in result.stderr) == (2, True)


def test_help_is_that_of_the_option(run: Run) -> None:
    assert run("help").stdout == run("--help").stdout
    assert run("help", "note", "add").stdout == run("note", "add", "--help").stdout
    assert "Did you mean search" in run("help", "serach").stderr
    assert run("help", "list", "x").exit_code == 2


def test_version_is_a_command_as_well(run: Run) -> None:
    assert run("version").stdout == run("--version").stdout


@pytest.mark.parametrize(
    "query", ["after:last month parser", 'after:"a week ago" parser', "parser after:3 days ago"]
)
def test_times_of_several_words_bound_a_search(named: Path, run: Run, query: str) -> None:
    result = run("search", query, "--json")

    assert len(json.loads(result.stdout)["hits"]) == 3
    assert result.stderr == ""
    assert json.loads(run("search", query.replace("after", "before"), "--json").stdout)["hits"] == []


def test_projects_are_named_by_their_folders_or_parts_of_their_paths(named: Path) -> None:
    with SessionDB(named, read_only=True) as db:
        assert db.projects_named("/home/mira/src/quill/") == ["/home/mira/src/quill"]
        assert db.projects_named("quill") == ["/home/mira/old/quill", "/home/mira/src/quill"]
        assert db.projects_named("nowhere") == []
        assert db.names("agent") == ["codex", "gemini-cli", "claude-code"]


def test_notes_of_a_project_without_sessions_are_shown_without_a_word_on_that(named: Path, run: Run) -> None:
    with SessionDB(named) as db:
        db.notes.add("decision", "Water on Mondays", project="/home/mira/src/garden")

    for command in (["brief"], ["note", "list"]):
        found, none = (run(*command, "--project", name) for name in ("garden", "gardn"))
        assert ("Mondays" in found.stdout, found.stderr) == (True, "")
        assert "no session has the project 'gardn'" in none.stderr
