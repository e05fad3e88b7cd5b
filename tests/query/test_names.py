"""Names are told from content by what stands around them."""

from __future__ import annotations

import pytest

from sessiondb.query import parse
from sessiondb.query.names import names_in


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("in the Quill project, the parser", [("quill", "project")]),
        ("with codex: a new script", [("codex", "any")]),
        ("the rename from gemini", [("gemini", "any")]),
        ("hermes, april 20, list of schemas", [("hermes", "any")]),
        ("chatgpt chat about an integral", [("chatgpt", "any")]),
        ("the opus model said so", [("opus", "model")]),
        ("on the fix-wal branch", [("fix-wal", "branch")]),
        ("running codex behind a proxy", []),
        ("codex proxy", []),
        ("", []),
    ],
)
def test_a_name_stands_where_names_stand(text: str, names: list[tuple[str, str]]) -> None:
    assert [(named.name, named.kind) for named in names_in(parse(text))] == names
