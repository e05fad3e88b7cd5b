"""One odd row of token counts does not hide all the others."""

from __future__ import annotations

from sessiondb import SessionDB
from sessiondb.records import SessionFilter

MOST = 2**63 - 1


def test_token_counts_that_overflow_when_added_stop_nothing(db: SessionDB) -> None:
    db.sessions.start("me", id="s")
    db.sessions.start("me", id="sound")
    db.tokens.add("sound", input=5, output=2**53)
    with db.connection.transaction():
        for key in "ab":
            db.connection.execute(
                "INSERT INTO token_counts (session_id, request_key, input) VALUES ('s', ?, ?)", (key, 2**62)
            )
    assert db.sessions.get("s").tokens.input == MOST
    assert db.sessions.get("s").tokens.output is None
    assert db.tokens.total("s").input == MOST
    assert {session.id: session.tokens.input for session in db.sessions.page(SessionFilter())} == {
        "s": MOST,
        "sound": 5,
    }
    assert db.sessions.get("sound").tokens.output == 2**53
    for view in ("session_overview", "daily_tokens", "model_tokens"):
        assert db.connection.rows(f"SELECT * FROM {view}")
