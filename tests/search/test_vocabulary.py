"""Words that are used for one another come from a table that is shipped and one that a user writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import InvalidInput
from sessiondb.query.text import STOP_WORDS
from sessiondb.search import vocabulary


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the path of the user's table, which is read anew before and after."""
    monkeypatch.setattr(vocabulary, "user_config", lambda: tmp_path)
    (tmp_path / "sessiondb").mkdir()
    vocabulary._groups.cache_clear()
    yield tmp_path / "sessiondb" / "synonyms.txt"
    vocabulary._groups.cache_clear()


def found(*words: str) -> dict[str, set[str]]:
    return {
        " ".join(phrase): {" ".join(other) for other in others}
        for phrase, others in vocabulary.synonyms(words)
    }


def test_words_and_phrases_have_synonyms_in_any_form() -> None:
    assert found("Plugins")["plugins"] == {"extension", "add on", "addon"}
    assert found("add", "on")["add on"] == {"plugin", "extension", "addon"}
    assert "switch off" in found("turned", "off")["turned off"]
    assert "mr" in found("pull", "requests")["pull requests"]
    assert found("quokka") == {}


def test_a_word_in_several_groups_has_the_synonyms_of_all() -> None:
    assert {"password", "auth"} <= found("login")["login"]


def test_no_group_names_a_word_alone_that_relaxing_leaves_out() -> None:
    alone = {phrase[0] for phrase in vocabulary._groups() if len(phrase) == 1}
    assert not alone & STOP_WORDS
    assert max(map(len, vocabulary._groups())) <= vocabulary.LONGEST


def test_a_user_adds_groups_in_a_file(own: Path, tmp_path: Path) -> None:
    own.write_text("# mine\nkiln, oven of clay\n", encoding="utf-8")
    with SessionDB(tmp_path / "sessions.db") as db:
        session = db.sessions.start("codex").id
        db.messages.append(session, "user", "fired in the oven of clay")
        assert [hit.session_id for hit in db.search("what was in the kiln").hits] == [session]


def test_a_table_that_cannot_be_read_is_named(own: Path) -> None:
    own.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match=r"synonyms\.txt cannot be read .*: make it a text file in UTF-8"):
        found("plugin")


def test_the_table_is_not_read_where_enough_is_found(own: Path, tmp_path: Path) -> None:
    own.write_bytes(b"\xff\xfe")
    with SessionDB(tmp_path / "sessions.db") as db:
        for _ in range(5):
            db.messages.append(db.sessions.start("codex").id, "user", "the plugin is broken")
        assert db.search("plugin broken").total == 5
