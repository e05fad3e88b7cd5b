"""Measure how well a search finds the session that holds the answer to a question.

The questions come in one of two layouts, both JSON.

LoCoMo's public one is a list of conversations, each with `session_N` (turns of speaker, text and `dia_id`, and
a photo's `blip_caption`), `session_N_date_time`, and `qa` (question, category, and as evidence the `dia_id`s of
the turns that answer it). Each conversation becomes a database of its own, each of its sessions a session, each
turn a message that begins with its speaker's name; the first speaker is the user. A question is found at the
place of the first session that holds any of its evidence; those whose evidence is not in the conversation are
left out.

Questions about logs are an object with `questions`: each a `query`, a `category`, and as `gold` the `native_id`s
of the sessions that answer it (with the minute of their `started_at` where an id occurs twice). The logs are
what `--logs` names, imported into one database. A question is found at the place of its first session.

A question is asked as it stands, with no options. `--baseline` asks in the plainest way there is instead: any of
the words as typed, the best message of each session by FTS5's bm25(). Public sets are no part of this project:
download one and name its file.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from sessiondb import SessionDB

QUESTIONS = Path(__file__).parent / "data" / "conversations.json"
CATEGORIES = {1: "several sessions", 2: "time", 3: "inference", 4: "one fact", 5: "wrong premise"}
DEPTH = 20
Find = Callable[[SessionDB, str], "list[str | None]"]
_MOMENT = "%I:%M %p on %d %B, %Y"


class Answer(NamedTuple):
    """How a question fared: the place of its session among the hits (None: not among them), and the time."""

    category: str
    place: int | None
    seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the benchmark takes."""
    parser.add_argument(
        "file", nargs="?", type=Path, default=QUESTIONS, help="conversations and questions, as JSON"
    )
    parser.add_argument(
        "--logs", nargs="+", type=Path, default=[], help="files and folders that the questions are about"
    )
    parser.add_argument("--baseline", action="store_true", help="ask any of the words as typed, by bm25()")
    parser.add_argument("--together", action="store_true", help="keep all conversations in one database")


def run(args: argparse.Namespace) -> None:
    """Import what is asked about, ask the questions and print what came of them."""
    given = json.loads(args.file.read_text(encoding="utf-8"))
    find = baseline if args.baseline else searched
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(given, dict):
            answers = [*ask_about_logs(Path(folder), given["questions"], args.logs, find)]
            print(f"{len(answers)} questions about logs")
        else:
            answers = [*ask_all(Path(folder), given, together=args.together, find=find)]
            print(f"{len(given)} conversations, {len(answers)} questions")
    print(f"{'':18} {'questions':>9} {'hit@1':>7} {'hit@5':>7} {'MRR':>7} {f'found@{DEPTH}':>9}")
    order = {name: number for number, name in CATEGORIES.items()}
    for category in sorted(
        {answer.category for answer in answers}, key=lambda name: (order.get(name, 0), name)
    ):
        print(summary(category, [answer for answer in answers if answer.category == category]))
    print(summary("all", answers))
    times = sorted(answer.seconds * 1000 for answer in answers)
    print(f"time per question: median {statistics.median(times):.1f} ms, slowest {times[-1]:.1f} ms")


def searched(db: SessionDB, question: str) -> list[str | None]:
    """Return the sessions that a search finds, the best first."""
    return [hit.session_id for hit in db.search(question, limit=DEPTH).hits]


def baseline(db: SessionDB, question: str) -> list[str | None]:
    """Return the sessions of the messages that hold any of the words, by the best one of each."""
    any_of = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question))
    rows = db.connection.rows(
        "SELECT m.session_id FROM messages_fts AS f JOIN messages AS m ON m.id = f.rowid"
        " WHERE f.messages_fts MATCH ? ORDER BY f.rank",
        (any_of,),
    )
    return list(dict.fromkeys(row[0] for row in rows))[:DEPTH]


def ask_all(
    folder: Path, conversations: Iterable[Any], *, together: bool = False, find: Find = searched
) -> Iterator[Answer]:
    """Import conversations into databases below a folder and yield an answer for each question."""
    shared = SessionDB(folder / "all.db") if together else None
    asked = []
    for number, conversation in enumerate(conversations):
        db = shared or SessionDB(folder / f"{number}.db")
        asked.append(
            (db, conversation["qa"], import_conversation(db, str(number), conversation["conversation"]))
        )
    for db, questions, sessions in asked:
        for question in questions:
            evidence = {sessions[turn] for turn in _evidence(question) if turn in sessions}
            if evidence:
                number = question["category"]
                category = CATEGORIES.get(number, f"category {number}")
                yield _ask(db, question["question"], category, evidence, find)
    for db in {id(db): db for db, _, _ in asked}.values():
        db.close()


def ask_about_logs(
    folder: Path, questions: Iterable[Any], logs: Iterable[Path], find: Find = searched
) -> Iterator[Answer]:
    """Import logs into a database below a folder and yield an answer for each question about them."""
    with SessionDB(folder / "logs.db") as db:
        db.import_logs(*logs)
        rows = db.connection.rows("SELECT id, native_id, substr(started_at, 1, 16) FROM sessions")
        for question in questions:
            gold = {
                id
                for id, native_id, minute in rows
                for each in question["gold"]
                if native_id == each["native_id"] and each.get("started_at", minute) == minute
            }
            yield _ask(db, question["query"], question["category"], gold, find)


def import_conversation(db: SessionDB, name: str, conversation: dict[str, Any]) -> dict[str, str]:
    """Write a conversation's sessions and return the session of each turn, by `dia_id`."""
    sessions: dict[str, str] = {}
    numbers = sorted(int(key[8:]) for key in conversation if re.fullmatch(r"session_[0-9]+", key))
    for number in numbers:
        moment = _moment(conversation[f"session_{number}_date_time"])
        session = db.sessions.start("chat", id=f"{name}-{number}", started_at=moment)
        with db.turn(session.id) as turn:
            for place, said in enumerate(conversation[f"session_{number}"]):
                role = "user" if said["speaker"] == conversation["speaker_a"] else "assistant"
                photo = f" [{said['blip_caption']}]" if said.get("blip_caption") else ""
                text = f"{said['speaker']}: {said['text']}{photo}"
                turn.append(role, text, created_at=moment + timedelta(seconds=place))
                sessions[said["dia_id"]] = session.id
    return sessions


def summary(name: str, answers: list[Answer]) -> str:
    """Return a line of the table."""
    places = [answer.place for answer in answers]

    def within(depth: int) -> str:
        return f"{100 * sum(place is not None and place <= depth for place in places) / len(places):.1f} %"

    rank = sum(1 / place for place in places if place) / len(places)
    return f"{name:18} {len(places):9} {within(1):>7} {within(5):>7} {rank:7.3f} {within(DEPTH):>9}"


def _ask(db: SessionDB, question: str, category: str, wanted: set[str], find: Find) -> Answer:
    start = time.perf_counter()
    found = find(db, question)
    seconds = time.perf_counter() - start
    place = next((place for place, session_id in enumerate(found, 1) if session_id in wanted), None)
    return Answer(category, place, seconds)


def _evidence(question: dict[str, Any]) -> list[str]:
    """Return the turns named; the public set has some entries that name several."""
    return [turn for entry in question.get("evidence") or [] for turn in re.findall(r"D[0-9]+:[0-9]+", entry)]


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _MOMENT).replace(tzinfo=timezone.utc)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_arguments(parser)
    run(parser.parse_args())
