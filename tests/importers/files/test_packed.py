"""Packed logs: whatever unpacks them, all formats read as they do unpacked; damage costs what comes after it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import zstandard

from sessiondb import SessionDB
from sessiondb.errors import ImportFailed
from sessiondb.exchange.export import export
from sessiondb.importers.files import packed
from sessiondb.importers.files.source import Source, is_packed, open_bytes
from sessiondb.ingest.discovery import is_candidate
from sessiondb.ingest.run import Ingest
from sessiondb.records import ImportReport
from tests.helpers.building import ROOT

MODULES = ("compression.zstd", "backports.zstd", "zstandard")
SKIPPABLE = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"
LINES = [f'{{"n": {number}, "text": "{"word " * (number % 90)}"}}\n'.encode() for number in range(20_000)]
SESSION = "5e1f0000-0000-4000-8000-000000000001"


def with_only(module: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this be the only module there that unpacks zstd."""
    if module == "compression.zstd" and sys.version_info < (3, 14):
        # The backport is the same code: the import is what is tested.
        backport = pytest.importorskip("backports.zstd")
        monkeypatch.setitem(sys.modules, "compression", ModuleType("compression"))
        monkeypatch.setitem(sys.modules, module, backport)
    elif module:
        pytest.importorskip(module)
    for name in MODULES:
        if name != module:
            monkeypatch.setitem(sys.modules, name, None)
    packed._zstd.cache_clear()


@pytest.fixture(params=["gz", *MODULES])
def ending(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the ending of the files to pack, with one way to unpack them after the other."""
    if request.param == "gz":
        yield ".gz"
        return
    with_only(request.param, monkeypatch)
    yield ".zst"
    packed._zstd.cache_clear()


def pack(data: bytes, ending: str) -> bytes:
    # A checksum, as the program `zstd` writes it.
    return (
        gzip.compress(data)
        if ending == ".gz"
        else zstandard.ZstdCompressor(write_checksum=True).compress(data)
    )


def said(folder: Path, database: Path) -> tuple[ImportReport, list[tuple[Any, ...]]]:
    """Import a folder; return the report and what was said, without the ids that are made of a path."""
    with SessionDB(database) as db:
        report = Ingest(db.connection).run([str(folder)])
        rows = db.connection.rows(
            "SELECT s.agent, s.title, m.role, m.content, m.created_at FROM messages AS m"
            " JOIN sessions AS s ON s.id = m.session_id ORDER BY 1, 2, m.session_id, m.seq"
        )
    return report, sorted(rows, key=repr)


def put_samples(folder: Path, samples: Path) -> None:
    """Put a file of each format there, but for databases and archives."""
    for file in samples.rglob("*.json*"):
        copy = folder / file.relative_to(samples)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    chat = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    info = {"id": "ses_00000000000000000000x", "time": {"created": 1772355600000}}
    asked = {"info": {"id": "msg_1", "role": "user"}, "parts": [{"type": "text", "text": "hello"}]}
    gemini = {"sessionId": SESSION, "projectHash": "f" * 64}
    mapping: dict[str, Any] = {"a": {"id": "a", "message": {"id": "a", "author": {"role": "user"}, "content": {
        "content_type": "text", "parts": ["hello"]}}, "parent": None, "children": []}}  # fmt: skip
    human = {"uuid": "u1", "sender": "human", "text": "hello", "created_at": "2026-03-01T09:00:00Z"}
    files: dict[str, list[Any]] = {
        "chats.jsonl": [{"messages": chat}],
        "chat.json": [{"messages": chat}],
        "share.jsonl": [{"conversations": [{"from": "human", "value": "hello"}]}],
        "share.json": [[{"conversations": [{"from": "human", "value": "hello again"}]}]],
        "gemini.jsonl": [gemini, {"id": "m1", "type": "user", "content": "hello"}, {"$set": {"summary": "S"}}],
        "gemini.json": [{**gemini, "sessionId": SESSION[:-1] + "2",
                         "messages": [{"id": "m", "type": "user", "content": "x"}]}],
        "opencode.json": [{"info": info, "messages": [asked]}],
        "conversations.json": [[{"title": "C", "id": SESSION[:-1] + "3", "current_node": "a", "mapping": mapping}]],
        "claude/conversations.json": [[{"uuid": SESSION[:-1] + "4", "name": "N", "chat_messages": [human]}]],
    }  # fmt: skip
    for name, values in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")


def test_every_format_reads_packed_as_it_reads_unpacked(tmp_path: Path, samples: Path, ending: str) -> None:
    plain, archive = tmp_path / "plain" / "logs", tmp_path / "packed" / "logs"
    put_samples(plain, samples)
    expected, messages = said(plain, tmp_path / "plain.db")
    assert len({row[0] for row in messages}) >= 11
    with SessionDB(tmp_path / "plain.db") as db:
        (archive / "export.jsonl").parent.mkdir(parents=True)
        (tmp_path / "export.jsonl").write_bytes(b"".join(export(db)))
    for file in plain.rglob("*.json*"):
        copy = archive / file.relative_to(plain)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.with_name(copy.name + ending).write_bytes(pack(file.read_bytes(), ending))

    report, found = said(archive, tmp_path / "packed.db")

    assert found == messages
    assert len(report.skipped) == len(expected.skipped)
    (archive / f"export.jsonl{ending}").write_bytes(pack((tmp_path / "export.jsonl").read_bytes(), ending))
    assert said(archive / f"export.jsonl{ending}", tmp_path / "again.db")[1] == messages


def test_frames_follow_each_other_and_end_anywhere(tmp_path: Path, ending: str) -> None:
    data = b"".join(LINES)
    path = tmp_path / f"log.jsonl{ending}"
    cuts = [0, 1, 7, 7, 100_000, 3_000_001, len(data)]
    frames = [pack(data[start:end], ending) for start, end in pairwise(cuts)]
    path.write_bytes(
        b"".join([SKIPPABLE, *frames[:3], SKIPPABLE, *frames[3:]] if ending == ".zst" else [*frames, b"\0\0"])
    )

    assert is_packed(path)
    with open_bytes(path) as handle:
        assert handle.read(10) == data[:10]
        assert handle.tell() == 10
        assert handle.readline() + handle.read() == data[10:]
        assert handle.read() == handle.read(1) == b""
    source = Source(path)
    assert [*source.lines()] == [line.strip() for line in LINES]
    assert source.line == len(LINES)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("damage", ["cut", "spoilt"])
def test_a_damaged_file_gives_what_comes_before_the_damage(
    tmp_path: Path, ending: str, damage: str, share: float
) -> None:
    whole = pack(b"".join(LINES), ending)
    at = int(len(whole) * share)
    path = tmp_path / f"log.jsonl{ending}"
    path.write_bytes(whole[:at] if damage == "cut" else whole[:at] + bytes(40) + whole[at + 40 :])
    found = []

    with pytest.raises(ImportFailed, match=r"log\.jsonl\.\w+ cannot be unpacked to its end: "):
        for line in Source(path).json_lines(json.loads, lambda value: value):
            found.append(line["n"])

    # Zeros are valid in gzip's data: it may go on with wrong words until its checksum does not fit.
    assert found == [*range(len(found))] or (ending, damage) == (".gz", "spoilt")
    assert len(found) > 0.8 * share * len(LINES)
    with open_bytes(path) as handle:
        data = b""
        while len(data) < 100_000:
            data += handle.read(33_333)
        assert b"".join(LINES).startswith(data)


def test_what_is_no_frame_after_the_last_is_reported(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"log.jsonl{ending}"
    path.write_bytes(pack(LINES[1], ending) + b"neither frame nor padding")
    lines = Source(path).lines()

    assert next(lines) == LINES[1].strip()
    with pytest.raises(ImportFailed, match="cannot be unpacked to its end"):
        next(lines)


def test_the_messages_before_the_damage_are_imported_and_it_is_reported(tmp_path: Path, ending: str) -> None:
    samples = [
        {"uuid": f"00000000-0000-4000-8000-{n:012}", "sessionId": SESSION, "type": "user",
         "timestamp": "2026-03-01T09:00:00Z", "message": {"role": "user", "content": f"words number{n}"}}
        for n in range(4)
    ]  # fmt: skip
    # Each line is a frame of its own, so that it is known which are whole.
    frames = [pack(json.dumps(sample).encode() + b"\n", ending) for sample in samples]
    path = tmp_path / "logs" / f"{SESSION}.jsonl{ending}"
    path.parent.mkdir()
    path.write_bytes(b"".join(frames)[:-3])
    document = path.with_name(f"web.json{ending}")
    document.write_bytes(pack(json.dumps({"loglines": samples * 99}).encode(), ending)[:-40])

    for _ in range(2):
        report, messages = said(path.parent, tmp_path / "sessions.db")
        # The last line came whole, and only a part of its checksum is missing.
        assert [row[3] for row in messages] == [f"words number{n}" for n in range(4)]
        assert [(skipped.path, skipped.line) for skipped in report.skipped] == [
            (str(path), None),
            (str(document), None),
        ]
        for skipped in report.skipped:
            assert skipped.reason.startswith("cannot be unpacked to its end: ")


def test_without_a_decoder_the_file_is_named_and_read_when_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = b'{"messages": [{"role": "user", "content": "hello"}]}\n'
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.jsonl.zst").write_bytes(pack(chat, ".zst"))
    (logs / "b.jsonl.gz").write_bytes(pack(chat.replace(b"hello", b"other"), ".gz"))
    with pytest.MonkeyPatch.context() as patch:
        with_only(None, patch)
        for _ in range(2):
            report, messages = said(logs, tmp_path / "sessions.db")
            assert [row[3] for row in messages] == ["other"]
            (skipped,) = report.skipped
            assert (skipped.path, skipped.line) == (str(logs / "a.jsonl.zst"), None)
            assert skipped.reason.endswith(
                "compressed with zstd, which this Python cannot read: run `pip install 'sessiondb[zstd]'`"
            )
        with SessionDB(tmp_path / "sessions.db") as db:
            named = Ingest(db.connection, format="openai-chat").run([str(logs / "a.jsonl.zst")])
        assert (len(named.skipped), named.refused) == (1, [str(logs / "a.jsonl.zst")])
    packed._zstd.cache_clear()

    report, messages = said(logs, tmp_path / "sessions.db")

    assert [row[3] for row in messages] == ["hello", "other"]
    assert report.skipped == []


BOMB = """
import sys
from pathlib import Path
from sessiondb.importers import importers
from sessiondb.importers.files import packed
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
for name in sys.argv[2:]:
    sys.modules[name] = None
path = Path(sys.argv[1])
importers()
from tests.helpers.memory import peak
before = peak()
Sample(path)
count = sum(1 for line in Source(path).lines())
print(count, (peak() - before) // 2**20)
"""


@pytest.mark.once
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_a_small_file_of_a_large_log_takes_little_memory(tmp_path: Path, ending: str) -> None:
    line = b'{"text": "' + b"again and " * 1000 + b'"}\n'
    path = tmp_path / f"bomb.jsonl{ending}"
    # 400 MB: frames of 20 MB each.
    path.write_bytes(pack(line * 2000, ending) * 20)
    assert path.stat().st_size < 3_000_000
    absent = [name for name in MODULES if sys.modules.get(name, "") is None]
    if absent and "compression.zstd" not in absent and sys.version_info < (3, 14):
        pytest.skip("is the backport, which has a test of its own")

    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path), *absent],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    count, megabytes = map(int, done.stdout.split())
    assert count == 40_000
    assert megabytes < 64


def test_what_is_passed_over_is_so_packed_too(tmp_path: Path) -> None:
    assert is_candidate("a.jsonl.zst")
    assert not any(
        map(is_candidate, ("auth.json.zst", "credentials.json.gz", "x.tmp.gz", "a.txt.zst", ".a.jsonl.gz"))
    )


def test_names_of_packed_files_are_known_by_what_they_hold() -> None:
    names = ["a/b.jsonl.zst", "a/b.jsonl.gz", "a/b.jsonl", "a.zst/b", "b.zst"]
    assert [str(packed.plain_path(Path(name))) for name in names] == [
        *["a/b.jsonl"] * 3,
        "a.zst/b",
        "b",
    ]
