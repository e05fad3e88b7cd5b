"""sessiondb export: what is chosen, where it goes, and that import takes it back."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.cli.render import stdout_bytes

Run = Callable[..., Result]

PARSER, FERRY, FIG = "11112222-parser", "11112222-ferry", "33334444-fig"


def sessions(output: str) -> list[str]:
    rows = [json.loads(line) for line in output.splitlines()]
    return [row["id"] for row in rows if row["type"] == "session"]


def test_everything_goes_to_stdout_and_comes_back_the_same(tmp_path: Path, filled: Path, run: Run) -> None:
    result = run("export")
    file = tmp_path / "sessions.jsonl"
    file.write_text(result.stdout)

    copy = str(tmp_path / "copy.db")
    assert run("--db", copy, "import", str(file)).exit_code == 0

    assert (result.stderr, sessions(result.stdout)) == ("", [FIG, PARSER, FERRY])
    assert run("--db", copy, "export").stdout == result.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["33334"], [FIG]),
        (["@last", "33334"], [FIG, FERRY]),
        (["--agent", "hermes"], [FIG, FERRY]),
        (["--open"], [FERRY]),
        (["--tag", "kitchen"], [PARSER]),
        (["--since", "2026-03-01", "--until", "2026-03-03"], [PARSER]),
    ],
)
def test_sessions_are_chosen_by_name_or_as_in_list(
    filled: Path, run: Run, arguments: list[str], expected: list[str]
) -> None:
    result = run("export", *arguments)

    assert (sessions(result.stdout), result.exit_code) == (expected, 0)


def test_nothing_chosen_is_an_empty_export(filled: Path, run: Run) -> None:
    result = run("export", "--agent", "nobody")

    assert result.stdout == '{"type":"header","format":"sessiondb-export","version":3}\n'
    assert result.stderr == "no session has the agent 'nobody': there are hermes, codex\nno matches\n"
    assert result.exit_code == 0


def test_a_file_is_written_and_its_size_told(tmp_path: Path, filled: Path, run: Run) -> None:
    file, packed = tmp_path / "out.jsonl", tmp_path / "out.jsonl.gz"

    result = run("export", "-o", str(file))
    run("export", "-o", str(packed))

    assert file.read_bytes() == run("export").stdout_bytes == gzip.decompress(packed.read_bytes())
    assert (result.stdout, result.stderr.startswith(f"{file}: ")) == ("", True)


def test_markdown_is_a_transcript_after_the_other(filled: Path, run: Run) -> None:
    one, all_of_them = run("export", FERRY, "--format", "md").stdout, run("export", "--format", "md").stdout

    assert one == run("show", FERRY, "--format", "md", "--full").stdout
    assert [line for line in all_of_them.splitlines() if line.startswith("# ")] == [
        "# (no title)", "# Recipe parser", "# 船 Ferry",
    ]  # fmt: skip
    assert all_of_them.endswith(f"\n\n{one}")


@pytest.mark.parametrize("form", ["jsonl", "md"])
def test_redaction_takes_out_secrets_and_people(filled: Path, run: Run, form: str) -> None:
    with SessionDB(filled) as db:
        db.messages.append(FERRY, "user", "I am noor@example.com, in /home/noor/boats")

    plain = run("export", "--format", form).stdout
    result = run("export", "--format", form, "--redact").stdout

    assert "noor@example.com" in plain
    assert "I am [redacted:email], in /home/[redacted:user]/boats" in result
    assert [word for word in ("noor", "Noor", "mira", "telegram:7") if word in result] == []


def test_a_redacted_export_adds_nothing_to_the_sessions_it_was_made_of(
    tmp_path: Path, filled: Path, run: Run
) -> None:
    file, copy = tmp_path / "out.jsonl", str(tmp_path / "copy.db")
    run("export", "--redact", "-o", str(file))
    before = run("export").stdout

    run("import", str(file))
    run("--db", copy, "import", str(file))

    assert run("export").stdout == before
    assert sessions(run("--db", copy, "export").stdout) == [FIG, PARSER, FERRY]


@pytest.mark.parametrize(
    ("is_terminal", "expected"),
    [(True, '"a\\u009bb\\u202ec"\n'), (False, '"a\x9bb\u202ec"\n')],
    ids=["terminal", "pipe"],
)
def test_a_terminal_is_not_driven(
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    is_terminal: bool,
    expected: str,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)

    stdout_bytes().write('"a\x9bb\u202ec"\n'.encode())
    sys.stdout.flush()

    assert capsysbinary.readouterr().out.decode() == expected


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["@last", "--agent", "codex"], 2, "Give either sessions or filters, not both."),
        (["nobody"], 1, "there is no session nobody"),
        (["--format", "csv"], 2, "'csv' is not one of 'jsonl', 'md'"),
    ],
)
def test_wrong_usage_is_told(filled: Path, run: Run, arguments: list[str], code: int, message: str) -> None:
    result = run("export", *arguments)

    assert (result.stdout, result.exit_code, message in result.stderr) == ("", code, True)


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("a.html", b"<!doctype html>"),
        ("a.htm", b"<!doctype html>"),
        ("a.md", b"# "),
        ("a.jsonl", b'{"type":"header"'),
        ("a.txt", b'{"type":"header"'),
    ],
)
def test_the_format_follows_the_suffix(
    tmp_path: Path, filled: Path, run: Run, name: str, beginning: bytes
) -> None:
    assert run("export", FERRY, "-o", str(tmp_path / name)).exit_code == 0

    assert (tmp_path / name).read_bytes().startswith(beginning)


def test_a_file_that_exists_is_replaced_only_by_force(tmp_path: Path, filled: Path, run: Run) -> None:
    file = tmp_path / "a.md"
    file.write_text("mine")

    refused = run("export", FERRY, "-o", str(file))

    assert (refused.exit_code, file.read_text()) == (1, "mine")
    assert f"{file} exists: give another name, or --force" in refused.stderr
    assert run("export", FERRY, "-o", str(file), "--force").exit_code == 0
    assert file.read_text().startswith("# ")


@pytest.mark.parametrize("options", [(), ("--format", "md")])
def test_a_folder_gets_nothing_that_was_not_asked_for(
    tmp_path: Path, filled: Path, run: Run, options: tuple[str, ...]
) -> None:
    (tmp_path / "mine").mkdir()
    result = run("export", "-o", str(tmp_path / "mine"), *options)

    assert (result.exit_code, list((tmp_path / "mine").iterdir())) == (1, [])
    assert "mine is a folder: name a file in it, or ask for HTML (--format html)" in result.stderr


def test_a_folder_gets_a_page_a_session_and_an_index(tmp_path: Path, filled: Path, run: Run) -> None:
    result = run("export", "--agent", "hermes", "--format", "html", "-o", str(tmp_path / "pages"))

    assert result.exit_code == 0
    assert sorted(file.name for file in (tmp_path / "pages").iterdir()) == [
        f"{FERRY}.html", f"{FIG}.html", "index.html",
    ]  # fmt: skip


def test_a_dash_is_stdout_and_no_file(
    tmp_path: Path, filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("export", "-o", "-").stdout == run("export").stdout
    assert not Path("-").exists()


@pytest.mark.parametrize(
    "command", [("backup", "-"), ("recover", "x.db", "-"), ("merge", "-"), ("restore", "-")]
)
def test_a_dash_is_refused_where_a_database_is_meant(
    tmp_path: Path, filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*command)
    assert result.exit_code == 2
    assert "a database must be a file, not stdin or stdout" in " ".join(result.stderr.split())
    assert not Path("-").exists()
