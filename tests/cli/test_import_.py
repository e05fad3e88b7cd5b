"""sessiondb import: what is reported, what is refused, and what a dry run leaves alone."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sessiondb.cli import import_report
from sessiondb.ingest import places

Run = Callable[..., Result]


def report(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    assert found.pop("seconds") >= 0
    return found


def expected(
    files: int, added: int, unchanged: int, entries: tuple[int, int], skipped: list[Any] | None = None
) -> dict[str, Any]:
    return {
        "files": files,
        "sessions": {"added": added, "updated": 0, "unchanged": unchanged},
        "messages": {"added": entries[0]},
        "entries": {"added": entries[1]},
        "skipped": skipped or [],
    }


def test_import_reports_in_words(samples: Path, run: Run) -> None:
    result = run("import", str(samples / "agentloop"))

    assert result.stdout.splitlines()[1:] == [
        "sessions: 2 added, 0 updated, 0 unchanged",
        "messages: 6 added, plus 3 entries of tools and the system",
    ]
    assert result.stdout.startswith("2 files in ")
    assert (result.stderr, result.exit_code) == ("", 0)


def test_json_counts_and_a_second_run_adds_nothing(samples: Path, run: Run) -> None:
    logs = [str(samples / name) for name in ("agentloop", "nanobot")]

    first, second = report(run("import", *logs, "--json")), report(run("import", *logs, "--json"))

    assert first == expected(4, 4, 0, (first["messages"]["added"], first["entries"]["added"]))
    assert second == expected(4, 0, 4, (0, 0))


def test_what_an_import_says_adds_up_with_status_and_list(samples: Path, run: Run) -> None:
    first = report(run("import", str(samples), "--json"))
    second = report(run("import", str(samples), "--json"))

    status = json.loads(run("status", "--json").stdout)
    listed = json.loads(run("list", "--json", "-n", "0").stdout)
    assert first["messages"]["added"] == status["messages"] == sum(each["message_count"] for each in listed)
    assert first["sessions"]["added"] == second["sessions"]["unchanged"] == status["sessions"] == len(listed)


def test_what_is_known_to_be_no_log_is_told_once_and_listed_by_status(tmp_path: Path, run: Run) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "stray.jsonl").write_text('{"no": "log"}\n')
    problem = f"{logs}/stray.jsonl: is not a session log that sessiondb knows"

    said = [run("import", str(logs)).stderr for _ in range(2)]

    assert said == [
        f"not imported: 1 file\n  {problem}\n",
        "not imported, as before: 1 file; `sessiondb status --problems` lists them\n",
    ]
    result = run("status", "--problems")
    assert (result.stdout, result.stderr) == (f"{problem}\n", "1 file not imported\n")
    assert json.loads(run("status", "--problems", "--json").stdout) == [
        {"path": f"{logs}/stray.jsonl", "line": None, "reason": "is not a session log that sessiondb knows"}
    ]


def test_who_names_a_file_that_is_no_log_is_told_why_each_time(tmp_path: Path, run: Run) -> None:
    stray = tmp_path / "notes.txt"
    stray.write_text("no log\n")

    first, second = (run("import", str(stray)) for _ in range(2))

    assert (second.stderr, second.exit_code) == (first.stderr, 1)


def test_paths_below_home_are_short(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "stray.jsonl").write_text('{"no": "log"}\n')

    assert "\n  ~/stray.jsonl: is not a session" in run("import", str(tmp_path)).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_an_import_is_told_what_was_kept(
    samples: Path, run: Run, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*sources: object, **options: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr("sessiondb.database.SessionDB.import_into", interrupt)
    before = signal.getsignal(signal.SIGTERM)

    result = run("import", str(samples))

    assert signal.getsignal(signal.SIGTERM) == before
    assert "what was read so far is kept, and the next import goes on from there" in result.stderr
    assert result.exit_code == 130


def test_dry_run_writes_nothing_where_there_is_no_database(samples: Path, path: Path, run: Run) -> None:
    found = report(run("import", str(samples / "agentloop"), "--dry-run", "--json"))

    assert found == expected(2, 2, 0, (6, 9))
    assert list(path.parent.iterdir()) == []


def test_dry_run_writes_nothing_into_a_database(samples: Path, filled: Path, run: Run) -> None:
    listed = run("list", "--json").stdout

    found = report(run("import", str(samples / "agentloop"), "-n", "--json"))

    assert found == expected(2, 2, 0, (6, 9))
    assert run("list", "--json").stdout == listed
    assert run("doctor").stdout == "no problems found\n"
    assert report(run("import", str(samples / "agentloop"), "--json")) == expected(2, 2, 0, (6, 9))


def test_dry_run_says_that_it_is_one(samples: Path, run: Run) -> None:
    assert run("import", "-n", str(samples / "agentloop")).stdout.startswith(
        "dry run, nothing was written. An import would do this:\n2 files in "
    )


def test_a_named_file_that_is_no_log_fails_after_the_rest(samples: Path, tmp_path: Path, run: Run) -> None:
    stray = tmp_path / "notes.txt"
    stray.write_text("no log\n")
    missing = tmp_path / "missing.jsonl"

    result = run("import", str(stray), str(samples / "agentloop"), str(missing), "--json")

    skipped = [
        {"path": str(missing), "line": None, "reason": "cannot be read: No such file or directory"},
        {"path": str(stray), "line": None, "reason": "is not a session log that sessiondb knows"},
    ]
    found = report(result)
    found["skipped"].sort(key=lambda entry: entry["path"])
    assert found == expected(4, 2, 0, (6, 9), skipped)
    assert result.exit_code == 1


def test_a_stray_file_in_a_folder_is_listed_and_no_failure(tmp_path: Path, run: Run) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "stray.jsonl").write_text('{"no": "log"}\n')

    result = run("import", str(logs))

    assert (result.exit_code, result.stderr) == (
        0,
        f"not imported: 1 file\n  {logs}/stray.jsonl: is not a session log that sessiondb knows\n",
    )


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a person look on."""
    monkeypatch.setattr(import_report, "is_watched", lambda: True)


@pytest.mark.usefixtures("watched")
def test_a_terminal_lists_the_first_files_only(tmp_path: Path, run: Run) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(12):
        (logs / f"stray{number:02}.jsonl").write_text('{"no": "log"}\n')

    lines = run("import", str(logs)).stderr.splitlines()

    assert lines[:3] == [
        "not imported: 12 files",
        "  not a session log that sessiondb knows:",
        f"    {logs}/stray00.jsonl",
    ]
    assert lines[11:] == [
        f"    {logs}/stray09.jsonl",
        "  2 more; `sessiondb status --problems` lists them all",
    ]


@pytest.mark.usefixtures("watched")
def test_a_terminal_is_told_each_reason_and_each_file_once(samples: Path, tmp_path: Path, run: Run) -> None:
    logs = tmp_path / "logs"
    shutil.copytree(samples / "agentloop", logs)
    log = next((samples / "claude-code").rglob("*.jsonl"))
    shutil.copy(log, logs)
    log = logs / log.name
    last = len(log.read_text().splitlines())
    with log.open("a") as file:
        file.write("3\n" * 7 + "{3}\n")
    (logs / "stray.jsonl").write_text('{"no": "log"}\n')

    first, second = run("import", str(logs)), run("import", str(logs))

    assert first.stderr.splitlines() == [
        "not imported: 1 file and 8 lines",
        "  not a JSON object:",
        f"    {log}, lines {', '.join(str(last + number) for number in range(1, 6))} and 2 more",
        "  not valid JSON: object keys must be strings (byte 1):",
        f"    {log}, line {last + 8}",
        "  not a session log that sessiondb knows:",
        f"    {logs}/stray.jsonl",
        "next: `sessiondb list`, `sessiondb search WORDS`, `sessiondb show @last`",
    ]
    assert second.stderr == (
        "not imported, as before: 1 file and 8 lines; `sessiondb status --problems` lists them\n"
    )


def test_a_packed_database_is_told_to_be_unpacked_and_its_path_is_told_once(tmp_path: Path, run: Run) -> None:
    database = tmp_path / "logs" / "state.db.gz"
    database.parent.mkdir()
    database.write_bytes(gzip.compress(b"SQLite format 3\0" + bytes(100)))

    assert run("import", str(database)).stderr == (
        f"not imported: 1 file\n  {database}: cannot be read as a SQLite database: it is packed: unpack it first\n"
    )


def test_sessions_of_several_agents_are_counted_by_agent(samples: Path, run: Run) -> None:
    result = run("import", str(samples / "agentloop"), str(samples / "nanobot"))

    assert result.stdout.splitlines()[1:4] == [
        "sessions: 4 added, 0 updated, 0 unchanged",
        "  agentloop  2 added",
        "  nanobot    2 added",
    ]
    again = run("import", str(samples / "agentloop"), str(samples / "nanobot")).stdout.splitlines()
    assert again[1:] == ["sessions: 0 added, 0 updated, 4 unchanged", "messages: 0 added"]


def test_a_folder_without_logs_gives_a_line(tmp_path: Path, run: Run) -> None:
    (tmp_path / "logs").mkdir()

    assert re.fullmatch(r"0 files in \d\.\d s\n", run("import", str(tmp_path / "logs")).stdout)


@pytest.mark.parametrize("further", [[], ["--dry-run"]], ids=" ".join)
def test_the_database_in_a_folder_of_logs_is_passed_over(
    samples: Path, tmp_path: Path, run: Run, further: list[str]
) -> None:
    shutil.copytree(samples / "agentloop", tmp_path, dirs_exist_ok=True)

    for _ in range(2):
        result = run("import", str(tmp_path), *further)
        assert (result.stderr, result.exit_code) == ("", 0)
        assert "2 files in " in result.stdout


def test_the_database_is_no_log_of_its_own(filled: Path, run: Run) -> None:
    result = run("import", str(filled))

    assert (result.stderr, result.exit_code) == (
        f"not imported: 1 file\n  {filled}: is the database that is imported into\n",
        1,
    )


def test_auto_reads_the_places_that_exist(
    samples: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = samples / "agentloop"
    known = {"agentloop": [loop], "claude-code": [tmp_path / "absent"], "codex": [], "gemini-cli": []}
    monkeypatch.setattr(places, "known_places", lambda agents: known)

    result = run("import", "auto", "--json")

    found = report(result)
    assert found.pop("agents") == {"agentloop": {"added": 2, "updated": 0}}
    assert (found, result.stderr) == (expected(2, 2, 0, (6, 9)), f"looking in {loop}\n")


def test_auto_without_any_place_says_so(run: Run) -> None:
    result = run("import", "auto")

    assert (result.stderr, result.exit_code) == (
        "no agent logs were found on this machine: give the files or folders to import\n",
        0,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give files, folders, or `auto` for every place where a known agent keeps its logs."),
        (["--format", "morse", "x"], "there is no format 'morse': choose one of "),
        (["--tz", "Mars/Olympus", "x"], "cannot read the time zone 'Mars/Olympus'"),
    ],
)
def test_wrong_usage_exits_with_2_and_makes_nothing(
    path: Path, run: Run, arguments: list[str], message: str
) -> None:
    result = run("import", *arguments)

    assert (result.stdout, result.exit_code, path.exists()) == ("", 2, False)
    assert message in result.stderr


def test_times_without_a_zone_are_in_the_one_given(samples: Path, run: Run) -> None:
    run("import", "--tz", "+02:00", str(samples / "nanobot" / "early"))

    (session,) = json.loads(run("list", "--json").stdout)
    assert session["started_at"] == "2026-03-27T11:07:31.434Z"


def test_explain_says_which_format_and_imports_nothing(samples: Path, path: Path, run: Run) -> None:
    source = str(samples / "agentloop")
    lines = run("import", source, "--explain").stdout.splitlines()
    told = json.loads(run("import", source, "--explain", "--json").stdout)

    assert lines[0] == f"{told[0]['path']}: agentloop, the only format that is certain"
    assert lines[1].startswith("  certain: agentloop. ")
    assert told[0]["verdicts"]["agentloop"] == "certain"
    assert not path.exists()
