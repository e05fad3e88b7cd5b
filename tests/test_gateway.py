"""The gateway where several ask at once, and where the one that saves memories dies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest

from sessiondb import SessionDB, timestamps
from sessiondb.errors import InvalidInput, NotFound
from sessiondb.gateway import CLAIM, Channel, ResetPolicy
from sessiondb.records import Session, SessionFilter
from tests.helpers.clock import PausingClock
from tests.helpers.waiting import HANG, nobody_waited_for

ANN = Channel("telegram", "dm", chat_id="42", user_name="Ann")
NOON = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
LATER = NOON + timedelta(hours=1)
POLICY = ResetPolicy(idle_minutes=30)


def claimed(db: SessionDB, session_id: str, ahead: timedelta) -> None:
    until = timestamps.from_datetime(datetime.now(timezone.utc) + ahead)
    db.sessions.set_metadata(session_id, {"reset_claimed_until": until})


def test_others_wait_while_one_saves_memories(db: SessionDB) -> None:
    begun, go_on = threading.Event(), threading.Event()
    calls: list[str] = []
    found: list[str] = []

    def save_memories(session: Session, reason: str) -> None:
        calls.append(reason)
        begun.set()
        assert go_on.wait(HANG)

    gateway = db.gateway("bot", reset=POLICY, before_reset=save_memories)
    first = gateway.session(ANN, now=NOON)

    def ask() -> None:
        found.append(gateway.session(ANN, now=LATER).id)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(HANG)
    assert found == []
    assert db.sessions.get(first.id).is_open
    go_on.set()
    for thread in threads:
        thread.join()
    assert calls == ["idle"]
    assert len(set(found)) == 1
    assert found[0] != first.id


@pytest.mark.parametrize(
    "ahead", [timedelta(seconds=-1), CLAIM * 10], ids=["long ago", "from before the clock was set back"]
)
def test_a_claim_whose_process_died_does_not_last(db: SessionDB, ahead: timedelta) -> None:
    calls: list[str] = []
    gateway = db.gateway("bot", reset=POLICY, before_reset=lambda session, reason: calls.append(reason))
    first = gateway.session(ANN, now=NOON)
    claimed(db, first.id, ahead)
    assert gateway.session(ANN, now=LATER).id != first.id
    assert calls == ["idle"]


def test_whoever_waits_for_a_claim_goes_on_when_something_was_said(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = PausingClock()
    monkeypatch.setattr("sessiondb.gateway.time", clock)
    gateway = db.gateway("bot", reset=POLICY, before_reset=lambda session, reason: None)
    first = gateway.session(ANN, now=NOON)
    claimed(db, first.id, CLAIM)
    clock.after(0.05, lambda: db.sessions.touch(first.id, LATER))
    assert gateway.session(ANN, now=LATER).id == first.id
    assert clock.now >= 1000.05


def test_a_callback_that_is_stopped_from_outside_stops_the_reset(db: SessionDB) -> None:
    def stop(session: Session, reason: str) -> None:
        raise KeyboardInterrupt

    gateway = db.gateway("bot", reset=POLICY, before_reset=stop)
    first = gateway.session(ANN, now=NOON)
    with pytest.raises(KeyboardInterrupt):
        gateway.session(ANN, now=LATER)
    assert db.sessions.get(first.id) == first
    # Whoever comes next need not wait for the claim to end.
    gateway = db.gateway("bot", reset=POLICY, before_reset=lambda session, reason: None)
    with nobody_waited_for():
        assert gateway.session(ANN, now=LATER).parent_id == first.id


async def save_memories(saved: list[str], session: Session, reason: str) -> None:
    await asyncio.sleep(0)
    saved.append(f"{session.id} {reason}")


def test_an_async_callback_runs_to_its_end_before_the_reset(db: SessionDB) -> None:
    saved: list[str] = []
    gateway = db.gateway("bot", reset=POLICY, before_reset=partial(save_memories, saved))
    first = gateway.session(ANN, now=NOON)
    assert gateway.session(ANN, now=LATER).parent_id == first.id
    assert saved == [f"{first.id} idle"]


def test_an_async_callback_runs_on_the_loop_that_the_gateway_was_made_on(db: SessionDB) -> None:
    loops: list[object] = []

    class Agent:
        async def __call__(self, session: Session, reason: str) -> None:
            loops.append(asyncio.get_running_loop())

        async def is_busy(self, session: Session) -> bool:
            loops.append(asyncio.get_running_loop())
            return False

    async def main() -> None:
        agent = Agent()
        gateway = db.gateway("bot", reset=POLICY, before_reset=agent, is_busy=agent.is_busy)
        first = await db.run(gateway.session, ANN, now=NOON)
        second = await db.run(gateway.session, ANN, now=LATER)
        assert second.parent_id == first.id
        assert loops == [asyncio.get_running_loop()] * 2

    asyncio.run(main())


def test_an_async_callback_is_refused_where_nobody_could_wait_for_it(db: SessionDB) -> None:
    saved: list[str] = []

    async def main(before_reset: Callable[..., object], now: datetime) -> None:
        db.gateway("bot", reset=POLICY, before_reset=before_reset).session(ANN, now=now)

    save = partial(save_memories, saved)
    db.gateway("bot").session(ANN, now=NOON)

    def untold(session: Session, reason: str) -> object:
        return save(session, reason)

    for callback in (save, untold):
        with pytest.raises(InvalidInput, match=r"as in `await db\.run\(gateway\.session, channel\)`"):
            asyncio.run(main(callback, LATER))
    assert [session.is_open for session in db.sessions.page(SessionFilter())] == [True]
    assert saved == []


def test_an_async_callback_that_fails_is_logged(db: SessionDB, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(session: Session, reason: str) -> None:
        raise OSError("the disk is full")

    gateway = db.gateway("bot", reset=POLICY, before_reset=fail)
    first = gateway.session(ANN, now=NOON)
    assert gateway.session(ANN, now=LATER).parent_id == first.id
    assert "the disk is full" in caplog.text


def test_a_reset_keeps_the_callers_fields_beside_the_notice(db: SessionDB) -> None:
    gateway = db.gateway("bot", reset=POLICY)
    gateway.session(ANN, now=NOON, metadata={"tenant": "acme"}, model="m")
    second = gateway.session(ANN, now=LATER, metadata={"tenant": "acme"}, model="m")
    assert second.metadata == {"tenant": "acme", "was_auto_reset": True, "auto_reset_reason": "idle"}
    assert second.model == "m"
    assert gateway.take_notice(second.id) is not None
    assert db.sessions.get(second.id).metadata == {"tenant": "acme"}


def test_a_notice_is_taken_once_by_many_threads(db: SessionDB) -> None:
    gateway = db.gateway("bot", reset=POLICY)
    gateway.session(ANN, now=NOON)
    second = gateway.session(ANN, now=LATER)
    taken: list[object] = []
    threads = [
        threading.Thread(target=lambda: taken.append(gateway.take_notice(second.id))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(notice is not None for notice in taken) == 1
    with pytest.raises(NotFound):
        gateway.take_notice("nowhere")


def test_the_daily_hour_is_that_of_the_zone(db: SessionDB) -> None:
    gateway = db.gateway("bot", reset=ResetPolicy(daily_at=4), tz="Asia/Tokyo")
    first = gateway.session(ANN, now=NOON)
    assert gateway.session(ANN, now=datetime(2026, 3, 10, 18, 59, tzinfo=timezone.utc)).id == first.id
    assert gateway.session(ANN, now=datetime(2026, 3, 10, 19, 0, tzinfo=timezone.utc)).id != first.id
