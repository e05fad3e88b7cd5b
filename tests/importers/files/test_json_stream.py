"""JSON files read element by element: whatever their size, layout and damage."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers.files import json_stream
from sessiondb.importers.files.conversations import conversations, first_conversations
from sessiondb.importers.files.json_stream import digest, elements, form
from sessiondb.importers.files.sample import Sample

VALUES: list[Any] = [
    {"a": 'quote " and \\ and {[', "b": [1, {"c": None}], "naïve": "日本語 🐙"},
    {"emoji": "\U0001f419", "text": "x" * 50, "empty": {}},
    [],
    "text, with ] and }",
    -1.5e3,
    None,
]


def read(data: bytes) -> tuple[list[Any], list[str]]:
    reasons: list[str] = []
    return list(elements(io.BytesIO(data), reasons.append)), reasons


@pytest.mark.parametrize("window", [1, 2, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_elements_are_the_same_however_the_window_cuts_them(
    monkeypatch: pytest.MonkeyPatch, window: int, indent: int | None, is_ascii: bool
) -> None:
    monkeypatch.setattr(json_stream, "WINDOW", window)
    values = VALUES[:4]  # numbers and literals would have to be followed by something to be whole
    data = json.dumps(values, indent=indent, ensure_ascii=is_ascii).encode()
    assert read(data) == (values, [])
    assert read(b"\xef\xbb\xbf \r\n" + data + b"\n\0\0") == (values, [])


@pytest.mark.parametrize(
    ("data", "values"),
    [(b"[]", []), (b"", []), (b' {"a": 1}\n', [{"a": 1}]), (json.dumps(VALUES).encode(), VALUES)],
)
def test_arrays_and_single_values_are_read(data: bytes, values: list[Any]) -> None:
    assert read(data) == (values, [])


CUT = (
    "element 2 is not valid JSON and the rest is not read: the file ends in the middle of it, or it is broken"
)


@pytest.mark.parametrize(
    ("data", "values", "reason"),
    [
        (b'[{"a": 1}, {"b": "unfini', [{"a": 1}], CUT),
        (b'[{"a": 1}, {"b": [1, 2', [{"a": 1}], CUT),
        (b'[{"a": 1}', [{"a": 1}], "the file ends after element 1, before the end of the array"),
        (b'[{"a": 1},', [{"a": 1}], "the file ends after element 1, before the end of the array"),
        (b'[{"a": 1} {"b": 2}]', [{"a": 1}], "no comma after element 1: the rest is not read"),
        (
            b'[{"a": 1}, {"b" 2, "filler": "so that it is not the end"}, {"c": 3}]',
            [{"a": 1}],
            "element 2 is not valid JSON and the rest is not read: Expecting ':' delimiter",
        ),
    ],
)
def test_damage_is_reported_and_ends_the_reading(data: bytes, values: list[Any], reason: str) -> None:
    assert read(data) == (values, [reason])


def test_a_mistake_is_not_taken_for_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "WINDOW", 64)
    handle = io.BytesIO(b'[{"a" 1, "filler": "' + b"x" * 10_000 + b'"}]')
    assert list(elements(handle, lambda reason: None)) == []
    assert handle.tell() < 1000  # the rest of the file was not gone through in search of an end


def test_an_element_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "WINDOW", 64)
    monkeypatch.setattr(json_stream, "MAX_ELEMENT", 1000)
    values, reasons = read(b'["' + b"x" * 100_000)
    assert values == []
    assert reasons == [
        "element 1 is not valid JSON and the rest is not read: it is longer than 1000 characters, or broken"
    ]


def test_what_sqlite_cannot_hold_is_replaced() -> None:
    data = rb'[{"half": "\ud83d!", "whole": "\ud83d\ude00", "nul": "a\u0000b"}, "' + b'\xff"]'
    assert read(data)[0] == [{"half": "\ufffd!", "whole": "😀", "nul": "a\ufffdb"}, "\ufffd"]


def test_numbers_that_json_does_not_know_are_none() -> None:
    assert read(b'[{"n": [NaN, -Infinity, 1e999, 1e2, -0.5, 7]}]')[0] == [
        {"n": [None, None, None, 100.0, -0.5, 7]}
    ]


def test_depth_costs_one_element_or_the_rest_but_never_raises() -> None:
    values, reasons = read(b'[{"a": 1}, ' + b"[" * 200_000 + b"]" * 200_000 + b"]")
    assert values == [{"a": 1}]
    assert len(reasons) == 1


@pytest.mark.once
def test_memory_holds_an_element_not_the_file(tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    element = json.dumps({"text": "x" * 100_000})
    with open(path, "w", encoding="ascii") as file:
        file.write("[" + ",".join([element] * 300) + "]")
    tracemalloc.start()
    try:
        assert sum(1 for _ in conversations(path, pytest.fail)) == 300
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 30_000_000
    assert peak < 8_000_000


@pytest.mark.parametrize(
    ("name", "text", "layout"),
    [
        ("a.json", '\n [{"a": 1}]', "array"),
        ("a.jsonl", '{"a": 1}\n{"b": 2}\n', "lines"),
        ("a.jsonl", '\n{"a": 1}\n', "lines"),
        ("a.json", '{"a": 1}\n{"b": 2}\n', "lines"),
        ("a.json", '{"a": 1}\n', "object"),
        ("a.json", '{\n  "a": 1\n}\n', "object"),
        ("a.jsonl", '{"a": 1, "cut', "object"),
        ("a.json", "", "object"),
    ],
)
def test_the_layout_is_told_by_the_first_line(tmp_path: Path, name: str, text: str, layout: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert form(path) == layout


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": ["é"]}) == digest({"b": ["é"], "a": 1}) != digest({"a": 1, "b": ["e"]})


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_a_zip_file_is_read_in_the_order_of_its_members(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "export.zip",
        **{
            "user.json": '[{"email": "ann@example.com"}]',
            "data/conversations-001.json": '[{"n": 2}]',
            "data/conversations-000.json": '[{"n": 0}, {"n": 1}]',
            "shared_conversations.json": '[{"n": 9}]',
        },
    )
    assert list(conversations(path, pytest.fail)) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_damage_in_a_member_is_reported_with_its_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.zip", **{"conversations.json": '[{"n": 0}'})
    reasons: list[str] = []
    assert list(conversations(path, reasons.append)) == [{"n": 0}]
    assert reasons == ["conversations.json: the file ends after element 1, before the end of the array"]


def test_a_zip_file_of_other_things_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "other.zip", **{"projects.json": "[]"})
    with pytest.raises(ImportFailed, match=r"other\.zip has no conversations\.json"):
        list(conversations(path, pytest.fail))


@pytest.mark.parametrize("place", [slice(100, 200), slice(-60, None)])
def test_damaged_zip_files_are_refused(tmp_path: Path, place: slice) -> None:
    text = json.dumps([{"n": number} for number in range(2000)])
    path = zipped(tmp_path / "export.zip", **{"conversations.json": text})
    data = bytearray(path.read_bytes())
    data[place] = bytes(len(data[place]))
    path.write_bytes(data)
    with pytest.raises(ImportFailed, match="cannot be unpacked"):
        list(conversations(path, lambda reason: None))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[{"a": 1}, 7, {"b": 2}, {"c": 3}]', [{"a": 1}, {"b": 2}]),
        ('{"a": 1}', [{"a": 1}]),
        ('{"a": 1}\n{"b": 2}\n', []),
        ("[", []),
        ("text", []),
    ],
)
def test_a_sample_shows_the_first_conversations(tmp_path: Path, text: str, found: list[Any]) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(text, encoding="utf-8")
    assert first_conversations(Sample(path)) == found


def test_a_sample_of_a_zip_file_shows_them_too(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.zip", **{"conversations.json": '[{"a": 1}]'})
    assert first_conversations(Sample(path)) == [{"a": 1}]
    assert first_conversations(Sample(zipped(tmp_path / "other.zip", **{"a.json": "[]"}))) == []


@pytest.mark.parametrize("text", ["[1, 2]\n[3]\n", "[1, 2] x", "[1, 2]]", "{}\n[3]", '{}{"a": 1}'])
def test_what_follows_the_end_of_a_value_is_told(text: str) -> None:
    values, reasons = read(text.encode())
    assert values in ([1, 2], [{}])
    assert reasons == [
        "more follows the end of its JSON value, and is not read: put each on a line, as an object"
    ]


@pytest.mark.parametrize("text", ["[1, 2]\n \0\n", "[1, 2]\r\n", "[]", "{}\n\n"])
def test_space_after_the_end_of_a_value_is_nothing(text: str) -> None:
    assert read(text.encode())[1] == []
