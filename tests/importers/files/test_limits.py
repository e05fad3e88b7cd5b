"""Files that would take gigabytes or for ever: each is given up at a limit that its message names."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers.files import json_stream, limits, packed, sample, source, sqlite_source
from sessiondb.importers.files.json_stream import members, outline
from sessiondb.importers.files.limits import MAX_LINE
from sessiondb.ingest.run import Ingest
from tests.helpers.building import ROOT

CHAT = json.dumps({"messages": [{"role": "user", "content": "hello"}]}) + "\n"
SESSION = "20260301_091500_abcdef"
TABLES = f"""
CREATE TABLE schema_version (version INTEGER);
CREATE TABLE sessions (id, source, started_at, model);
INSERT INTO sessions VALUES ('{SESSION}', 'cli', 1772356500.0, 'm');
"""
MESSAGES = "CREATE TABLE messages (id INTEGER, session_id, role, content, tool_call_id, timestamp);"
ROW = f"(1, '{SESSION}', 'user', 'hello', NULL, 1772356500.0)"
ENDLESS = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"


def imported(path: Path, database: Path, **options: Any) -> tuple[list[str | None], list[str]]:
    """Import a file; return what was said in it, and why what was skipped was."""
    with SessionDB(database) as db:
        report = Ingest(db.connection, **options).run([str(path)])
        said = [row[0] for row in db.connection.rows("SELECT content FROM messages ORDER BY session_id, seq")]
    return said, [skipped.reason for skipped in report.skipped]


def store(path: Path, sql: str) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(sql)
    connection.close()
    return path


def test_of_a_million_bad_lines_the_first_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text(CHAT + "x\n" * 20_000 + CHAT.replace("hello", "last"))
    said, reasons = imported(log, tmp_path / "s.db")
    assert sorted(map(str, said)) == ["hello", "last"]
    assert len(reasons) == limits.MAX_PROBLEMS + 1
    assert reasons[-1] == f"{20_000 - limits.MAX_PROBLEMS:,} more lines like these are not listed"


def test_a_line_that_is_too_long_is_refused_with_its_number_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_LINE", 1 << 20)
    log = tmp_path / "a.jsonl"
    log.write_text(CHAT + CHAT.replace("hello", "x" * 3_000_000) + CHAT.replace("hello", "last"))
    with SessionDB(tmp_path / "s.db") as db:
        report = Ingest(db.connection).run([str(log)])
        assert [(skipped.line, skipped.reason) for skipped in report.skipped] == [
            (2, "is longer than 1 MiB and is not read")
        ]
        assert report.messages_added == 2
        # Where the next line is looked for is right behind it.
        with log.open("a") as file:
            file.write(CHAT.replace("hello", "appended"))
        assert Ingest(db.connection).run([str(log)]).messages_added == 1


def test_a_line_of_millions_of_values_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (limits, source):
        monkeypatch.setattr(module, "SMALL", 1000)
    monkeypatch.setattr(limits, "MAX_VALUES", 1000)
    monkeypatch.setattr(source, "MAX_VALUES", 1000)
    log = tmp_path / "a.jsonl"
    log.write_text(CHAT + json.dumps({"messages": [{}] * 2000}) + "\n")
    assert imported(log, tmp_path / "s.db") == (["hello"], ["holds more than 1,000 values and is not read"])


def test_blank_lines_without_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_BLANK_LINES", 1000)
    log = tmp_path / "a.jsonl"
    log.write_text(CHAT + "\n" * 5000)
    said, (reason,) = imported(log, tmp_path / "s.db")
    assert said == ["hello"]
    assert reason.endswith("reading stopped after line 1002: 1,000 blank lines")


@pytest.mark.parametrize(
    "content", [b'{"a": "' + b"a" * 5_000_000, b"[" + b" " * 5_000_000, b"{}\n" * 2_000_000]
)
def test_a_packed_file_is_given_up_where_it_gives_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(packed, "MAX_UNPACKED", 1 << 20)
    log = tmp_path / "a.jsonl.gz"
    log.write_bytes(gzip.compress(CHAT.encode() + content))
    said, reasons = imported(log, tmp_path / "s.db", format="openai-chat")
    assert said == ["hello"]
    assert "cannot be unpacked to its end: it gives more than 1 MiB, and is 0 MiB itself" in reasons[-1]


def test_a_zip_file_of_endless_elements_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_ELEMENTS", 100)
    export = tmp_path / "export.zip"
    with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", "[{}" + ",{}" * 5000 + "]")
    _, reasons = imported(export, tmp_path / "s.db", format="chatgpt")
    assert "conversations.json: it has more than 100 elements: the rest is not read" in " ".join(reasons)


def test_a_large_document_of_nobody_is_refused_by_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "MAX_SNIFFED", 100_000)
    monkeypatch.setattr(source.Source, "document", None)  # it is not decoded
    path = tmp_path / "data.json"
    path.write_text(json.dumps({"rows": [{"x": [1, 2, None]}] * 20_000}))
    reason = "is not a session log that sessiondb knows, judging by its lines of at most 16 MiB"
    assert imported(path, tmp_path / "s.db") == ([], [reason])


def test_a_document_that_is_too_large_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_DOCUMENT", 1 << 20)
    path = tmp_path / "data.json"
    path.write_text(json.dumps({"messages": ["x" * 100] * 20_000}, indent=1))
    (reason,) = imported(path, tmp_path / "s.db", format="agentloop")[1]
    assert reason == "is a document of more than 1 MiB, which is too large to read"


@pytest.mark.parametrize("size", [4_000, 400_000])
def test_a_log_of_hermes_is_the_same_read_whole_or_a_message_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    from sessiondb.importers.hermes import transcript

    monkeypatch.setattr(transcript, "MAX_SNIFFED", size)
    monkeypatch.setattr(sample, "MAX_SNIFFED", size)
    log = {
        "session_id": SESSION,
        "session_start": "2026-03-01T09:15:00",
        "model": "m",
        "messages": [{"role": "user", "content": f"words {number}"} for number in range(500)],
        "last_updated": "2026-03-01T10:15:00",
    }
    path = tmp_path / f"session_{SESSION}.json"
    path.write_text(json.dumps(log))
    assert imported(path, tmp_path / "s.db") == ([f"words {number}" for number in range(500)], [])
    with SessionDB(tmp_path / "s.db") as db:
        session = db.sessions.get(SESSION)
        assert (session.model, session.message_count) == ("m", 500)
        assert session.last_active_at.startswith("2026-03-01")
        assert Ingest(db.connection).run([str(path)]).sessions_unchanged == 1


@pytest.mark.once
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_a_log_of_hermes_of_many_megabytes_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / f"session_{SESSION}.json"
    with path.open("w") as file:
        file.write(f'{{"session_id": "{SESSION}", "session_start": "2026-03-01T09:15:00", "messages": [')
        for number in range(10_000):
            file.write(("," if number else "") + json.dumps({"role": "user", "content": f"{number} " * 1500}))
        file.write("]}")
    code = """
import sys
from pathlib import Path
from sessiondb.importers import hermes, importers
from sessiondb.importers.files.source import Source
importers()
from tests.helpers.memory import peak
before = peak()
count = sum(1 for record in hermes.read(Source(Path(sys.argv[1]))))
print(count, (peak() - before) // 2**20)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, megabytes = map(int, done.stdout.split())
    assert count == 10_001
    # More than one document may have. That it is one is told by a beginning of that size, twice in memory meanwhile.
    assert path.stat().st_size > MAX_LINE
    assert megabytes < 256


def test_members_of_an_object_are_read_one_by_one() -> None:
    import io

    problems: list[str] = []
    data = b'{"a": 1, "list": [1, {"b": 2}], "c": {"list": [3]}, "list": 5} rest'
    found = list(members(io.BytesIO(data), "list", problems.append))
    assert found == [("a", 1), ("list", 1), ("list", {"b": 2}), ("c", {"list": [3]}), ("list", 5)]
    assert problems == []
    assert list(members(io.BytesIO(b'{"a": 1, "list": [1, 2'), "list", problems.append))[:2] == [
        ("a", 1),
        ("list", 1),
    ]
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": [1, 2, {"c": "x, [', {"a": 1, "b": [1, 2]}),
        ('{"a": "x\\"],", "b": {"c": 1, "d": [[', {"a": 'x"],', "b": {"c": 1}}),
        ('{"a": 1', {}),
        ("", None),
        ("[" * 100_000 + ",", None),
    ],
)
def test_the_beginning_of_a_document_is_told_without_its_end(text: str, value: Any) -> None:
    assert outline(text) == (value if value != {} else None)


@pytest.mark.parametrize(
    "sql",
    [
        f"{MESSAGES} INSERT INTO messages VALUES {ROW};"
        f"CREATE VIEW gateway_routing AS {ENDLESS} SELECT n AS session_key, n AS session_id FROM r;",
        "CREATE TABLE messages (id INTEGER, session_id, role, tool_call_id, timestamp, content,"
        " reasoning GENERATED ALWAYS AS (hex(zeroblob(240000000))));"
        "INSERT INTO messages (id, session_id, role, content, timestamp)"
        f" VALUES (1, '{SESSION}', 'user', 'hello', 1772356500.0);",
    ],
    ids=["view", "generated"],
)
def test_what_a_database_computes_without_end_is_not_followed(tmp_path: Path, sql: str) -> None:
    path = store(tmp_path / "state.db", TABLES + sql)
    assert imported(path, tmp_path / "s.db") == (["hello"], [])


def test_a_view_in_place_of_a_table_is_refused_in_words(tmp_path: Path) -> None:
    path = store(
        tmp_path / "state.db", f"{TABLES}{MESSAGES}CREATE VIEW endless AS {ENDLESS} SELECT n FROM r;"
    )
    from sessiondb.errors import ImportFailed

    with (
        pytest.raises(ImportFailed, match="view or virtual table"),
        sqlite_source.open_read_only(path) as found,
    ):
        found.execute("SELECT * FROM endless").fetchone()


def test_a_query_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_source, "STEPS", 1_000_000)
    path = store(tmp_path / "state.db", TABLES + MESSAGES)
    from sessiondb.errors import ImportFailed

    with pytest.raises(ImportFailed, match="more steps than"), sqlite_source.open_read_only(path) as found:
        found.execute(f"{ENDLESS} SELECT count(*) FROM r").fetchone()


@pytest.mark.once
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python sets no limits before 3.11")
def test_a_value_of_hundreds_of_megabytes_is_refused_in_words(tmp_path: Path) -> None:
    rows = f"INSERT INTO messages VALUES {ROW}; INSERT INTO messages SELECT 2, session_id, role,"
    rows += " zeroblob(80000000), NULL, timestamp FROM messages;"
    path = store(tmp_path / "state.db", f"{TABLES}{MESSAGES}{rows}")
    (reason,) = imported(path, tmp_path / "s.db")[1]
    assert reason == "cannot be read as a SQLite database: a value is larger than 64 MiB"
