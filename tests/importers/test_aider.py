"""Aider's histories: runs, typed lines, answers, what the program says, and times from the file beside them."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB, timestamps
from sessiondb.importers import aider
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord
from sessiondb.importers.detect import NotReadYet, detect
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.odd_values import assert_storable
from tests.helpers.records import of, read_all

UTC = timestamps.zone("UTC")
# The program, and what a person typed, end their lines in two blanks: "_" here.
RUN = """
# aider chat started at 2026-11-28 12:28:23

> /bin/aider --model m_
> Aider v0.86.2_
> Main model: m with diff edit format_
> Git repo: .git with 1 files_

#### Which bed is dry?_
#### Say it in a word._

Left.

> Tokens: 1.2k sent, 200 cache write, 400 cache hit, 9 received. Cost: $0.0012 message, $0.02 session._
> Applied edit to beds.md_
> Commit abc1234 fix: water the beds_

#### /add beds.md_

> Added beds.md to the chat_

#### /ask why?_

It is high:

```markdown
#### not typed_
> Tokens are counted here
```

> It was so before, he said

> Tokens: 3M sent, 12 received._
""".replace("_\n", "  \n")
CALLS = """TO LLM 2026-11-28T12:29:00
-------
USER Which bed is dry?
LLM RESPONSE 2026-11-28T12:29:05
ASSISTANT Left.
TO LLM 2026-11-28T12:30:00
LLM RESPONSE 2026-11-28T12:30:01
"""


def write(folder: Path, text: str, calls: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if calls is not None:
        (folder / ".aider.llm.history").write_text(calls, "utf-8")
    path = folder / ".aider.chat.history.md"
    path.write_text(text, "utf-8")
    return path


records = partial(read_all, aider, tz=UTC)


def rows(found: list[Record]) -> list[tuple[str, str | None]]:
    return [(one.role, one.content) for one in of(MessageRecord, found)]


def test_a_run_is_a_session_of_typed_lines_and_answers(tmp_path: Path) -> None:
    path = write(tmp_path / "garden", RUN)
    assert_owed(aider, path, in_parts=False)
    found = records(path)
    (session,) = of(SessionRecord, found)
    assert (session.native_id, session.project, session.model) == (
        "2026-11-28 12:28:23",
        str(tmp_path / "garden"),
        "m",
    )
    assert session.started_at == "2026-11-28T12:28:23.000Z"
    assert rows(found) == [
        ("user", "Which bed is dry?\nSay it in a word."),
        ("assistant", "Left."),
        ("system", "Applied edit to beds.md\nCommit abc1234 fix: water the beds"),
        ("system", "/add beds.md"),
        ("user", "/ask why?"),
        (
            "assistant",
            "It is high:\n\n```markdown\n#### not typed  \n> Tokens are counted here\n```\n\n"
            "> It was so before, he said",
        ),
    ]
    answer, done, command = of(MessageRecord, found)[1:4]
    assert (answer.model, done.metadata, command.metadata) == ("m", {"kind": "notice"}, {"kind": "command"})


def test_what_was_sent_has_what_the_cache_gave_and_took(tmp_path: Path) -> None:
    counts = of(TokenRecord, records(write(tmp_path, RUN)))
    assert [(one.input, one.cache_read, one.cache_write, one.output) for one in counts] == [
        (600, 400, 200, 9),
        (3_000_000, None, None, 12),
    ]
    assert [(one.cost_microdollars, one.message, one.model) for one in counts] == [
        (1200, "2", "m"),
        (None, "6", "m"),
    ]


def test_answers_have_the_times_of_the_file_beside(tmp_path: Path) -> None:
    messages = of(MessageRecord, records(write(tmp_path, RUN, CALLS)))
    assert [one.created_at for one in messages] == [
        "2026-11-28T12:29:00.000Z",
        "2026-11-28T12:29:05.000Z",
        *[None] * 4,
    ]


def test_times_are_of_the_zone_that_the_import_names(tmp_path: Path) -> None:
    source = Source(write(tmp_path, RUN, CALLS), tz=timestamps.zone("Europe/Berlin"))
    found = list(aider.read(source))
    assert of(SessionRecord, found)[0].started_at == "2026-11-28T11:28:23.000Z"
    assert of(MessageRecord, found)[0].created_at == "2026-11-28T11:29:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "# aider chat started at 2026-11-28 12:28:23\n",
        "\n# aider chat started at 2026-11-28 12:28:23\n\n> Aider v0.86.2  \n\n#### /exit  \n",
        "\n# aider chat started at 2026-11-28 12:28:23\n\n#### <blank>  \n",
    ],
)
def test_a_run_without_a_turn_is_no_session(tmp_path: Path, text: str) -> None:
    assert records(write(tmp_path, text)) == []


def test_runs_of_one_second_are_two_sessions(tmp_path: Path) -> None:
    sessions = of(SessionRecord, records(write(tmp_path, RUN * 3)))
    assert [one.native_id for one in sessions] == [f"2026-11-28 12:28:23{end}" for end in ("", "#2", "#3")]
    assert len({one.id for one in sessions}) == 3


def test_a_history_that_lost_its_blanks_is_read_as_it_looks(tmp_path: Path) -> None:
    turns = "#### Dry?\nLeft.\n\n> Added beds.md to the chat\n\n#### Why?\nHigh.\n"
    text = f"\n# aider chat started at 2026-06-09 14:01:00\n\n{turns}"
    assert rows(records(write(tmp_path, text))) == [
        ("user", "Dry?"),
        ("assistant", "Left."),
        ("user", "Why?"),
        ("assistant", "High."),
    ]


def test_what_a_model_thought_is_no_answer(tmp_path: Path) -> None:
    thought = "--------------\n► **THINKING**\n\nHm.\n\n------------\n► **ANSWER**\n\nLeft."
    text = f"\n# aider chat started at 2026-06-09 14:01:00\n\n#### Dry?  \n\n{thought}\n\n"
    answer = of(MessageRecord, records(write(tmp_path, text)))[1]
    assert (answer.content, answer.reasoning) == ("Left.", "Hm.")


def everything(db: SessionDB) -> list[Any]:
    tables = ("sessions", "messages", "token_counts")
    columns = (
        "id, native_id, title, started_at, last_active_at, message_count",
        "session_id, seq, role, content, created_at, metadata",
        "session_id, request_key, input, output, message_id IS NULL",
    )
    return [
        db.connection.rows(f"SELECT {names} FROM {table} ORDER BY 1, 2")
        for table, names in zip(tables, columns, strict=True)
    ]


@pytest.mark.parametrize("every", range(1, 6))
def test_a_history_that_grows_gives_the_same_as_at_once(tmp_path: Path, every: int) -> None:
    lines = (RUN * 2 + RUN.replace("12:28", "13:28")).splitlines(keepends=True)
    # A prompt and an answer are written at once.
    ends = [number for number, line in enumerate(lines) if line == "\n"][::every]
    path = write(tmp_path / "x", "")
    with SessionDB(tmp_path / "x.db") as grown, SessionDB(tmp_path / "y.db") as at_once:
        for end in (*ends, len(lines), len(lines)):
            path.write_text("".join(lines[:end]), "utf-8")
            Ingest(grown.connection, tz=UTC).run([str(path)])
        Ingest(at_once.connection, tz=UTC).run([str(path)])
        assert everything(grown) == everything(at_once)
        assert len(everything(at_once)[0]) == 3


def test_a_folder_that_is_named_is_searched_for_histories(tmp_path: Path) -> None:
    write(tmp_path / "code" / "garden", RUN)
    write(tmp_path / "code" / "node_modules" / "x", RUN)
    with SessionDB(tmp_path / "x.db") as db:
        assert len(Ingest(db.connection).run([str(tmp_path / "code")]).sessions_added) == 1


def test_what_was_sent_to_the_model_is_refused_and_names_the_history(tmp_path: Path) -> None:
    write(tmp_path, RUN, CALLS)
    with pytest.raises(NotReadYet, match=r"import \.aider\.chat\.history\.md beside it"):
        detect(Sample(tmp_path / ".aider.llm.history"))


@pytest.mark.parametrize("seed", range(30))
def test_garbage_between_the_lines_ends_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lines = [line.encode() for line in (RUN * 2).splitlines(keepends=True)]
    odd = (
        b"> Tokens: x sent, 1.2.3k received.  \n",
        b"```",
        b"#### ",
        b"\xff\0\x80\n",
        b"> ",
        b"#### /\n",
        b"# aider chat ",
    )
    for _ in range(12):
        lines.insert(chance.randrange(len(lines)), chance.choice(odd))
    chance.shuffle(lines) if seed % 3 == 0 else None
    path = write(tmp_path, "", CALLS)
    path.write_bytes(b"".join(lines))
    assert_storable(records(path))
