"""How many files a line of a log comes through on its way into the database."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import sessiondb
from sessiondb import SessionDB
from sessiondb.ingest.run import Ingest

PACKAGE = str(Path(sessiondb.__file__).parent)
OPTIMIZED = 1
"""The flag of code that is a function's, not a module's or a class's (inspect.CO_OPTIMIZED)."""

MAX_FILES = 34
"""What a reader of one import has to look at. Raise it for a reason, not by the way."""

SESSION = {"sessionId": "6f1c1e0e-0f3c-4c6e-9d7e-0123456789ab", "cwd": "/srv/quill", "version": "2.0.0"}
PROMPT = SESSION | {
    "type": "user",
    "uuid": "11111111-1111-4111-8111-0123456789ab",
    "timestamp": "2026-03-01T09:15:23.123Z",
    "message": {"role": "user", "content": "Where are the tests?"},
}
ANSWER = SESSION | {
    "type": "assistant",
    "uuid": "22222222-2222-4222-8222-0123456789ab",
    "parentUuid": PROMPT["uuid"],
    "timestamp": "2026-03-01T09:15:24.123Z",
    "message": {
        "id": "msg_01AbCdEf0123456789ab",
        "role": "assistant",
        "model": "some-model",
        "content": [{"type": "text", "text": "In tests/."}],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    },
}


def files_that_run(db: SessionDB, log: Path) -> set[str]:
    """Return the files of the package whose functions run while a log is imported."""
    codes: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            codes.add(frame.f_code)

    sys.setprofile(note)
    try:
        Ingest(db.connection).run([str(log)])
    finally:
        sys.setprofile(None)
    functions = [code for code in codes if code.co_flags & OPTIMIZED]
    return {code.co_filename for code in functions if code.co_filename.startswith(PACKAGE)}


def test_a_prompt_and_its_answer_come_through_few_files(tmp_path: Path) -> None:
    lines = [json.dumps(line) + "\n" for line in (PROMPT, ANSWER)]
    for name in ("00000000000a", "00000000000b"):
        # The first import loads modules, and is not counted.
        log = tmp_path / f"{name}.jsonl"
        log.write_text("".join(lines).replace("0123456789ab", name), "utf-8")
        with SessionDB(tmp_path / f"{name}.db") as db:
            files = files_that_run(db, log)
            assert db.connection.value("SELECT count(*) FROM messages") == 2
    assert len(files) <= MAX_FILES, sorted(Path(file).relative_to(PACKAGE).as_posix() for file in files)
