"""Measure how well a search finds the session that holds the answer to a question.

The questions come in LoCoMo's public JSON layout: a list of conversations, each with `session_N` (turns of
speaker, text and `dia_id`, and a photo's `blip_caption`), `session_N_date_time`, and `qa` (question,
category, and as evidence the `dia_id`s of the turns that answer it). Each conversation becomes a database
of its own, each of its sessions a session, each turn a message that begins with its speaker's name; the
first speaker is the user. A question is asked as it stands, with no options, and is found at the place of
the first session that holds any of its evidence. Questions whose evidence is not in the conversation are
left out. Public sets are no part of this project: download one and name its file.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from sessiondb import SessionDB

QUESTIONS = Path(__file__).parent / "data" / "conversations.json"
CATEGORIES = {1: "several sessions", 2: "time", 3: "inference", 4: "one fact", 5: "wrong premise"}
DEPTH = 20
_MOMENT = "%I:%M %p on %d %B, %Y"


class Answer(NamedTuple):
    """How a question fared: the place of its session among the hits (None: not among them), and the time."""

    category: int
    place: int | None
    seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the benchmark takes."""
    parser.add_argument(
        "file", nargs="?", type=Path, default=QUESTIONS, help="conversations and questions, as JSON"
    )
    parser.add_argument("--together", action="store_true", help="keep all conversations in one database")


def run(args: argparse.Namespace) -> None:
    """Import the conversations, ask the questions and print what came of them."""
    conversations = json.loads(args.file.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        answers = [*ask_all(Path(folder), conversations, together=args.together)]
    print(f"{len(conversations)} conversations, {len(answers)} questions")
    print(f"{'':18} {'questions':>9} {'hit@1':>7} {'hit@5':>7} {'MRR':>7} {f'found@{DEPTH}':>9}")
    for category in sorted({answer.category for answer in answers}):
        name = CATEGORIES.get(category, f"category {category}")
        print(summary(name, [answer for answer in answers if answer.category == category]))
    print(summary("all", answers))
    times = sorted(answer.seconds * 1000 for answer in answers)
    print(f"time per question: median {statistics.median(times):.1f} ms, slowest {times[-1]:.1f} ms")


def ask_all(folder: Path, conversations: Iterable[Any], *, together: bool = False) -> Iterator[Answer]:
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
                yield _ask(db, question, evidence)
    for db in {id(db): db for db, _, _ in asked}.values():
        db.close()


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


def _ask(db: SessionDB, question: dict[str, Any], evidence: set[str]) -> Answer:
    start = time.perf_counter()
    hits = db.search(question["question"], limit=DEPTH).hits
    seconds = time.perf_counter() - start
    place = next((place for place, hit in enumerate(hits, 1) if hit.session_id in evidence), None)
    return Answer(question["category"], place, seconds)


def _evidence(question: dict[str, Any]) -> list[str]:
    """Return the turns named; the public set has some entries that name several."""
    return [turn for entry in question.get("evidence") or [] for turn in re.findall(r"D[0-9]+:[0-9]+", entry)]


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _MOMENT).replace(tzinfo=timezone.utc)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_arguments(parser)
    run(parser.parse_args())
