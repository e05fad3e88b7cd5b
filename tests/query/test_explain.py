"""A query can be told back to the person who typed it."""

from __future__ import annotations

import pytest

from sessiondb.query import explain, parse


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["words: none"]),
        ("deploy", ["words: deploy"]),
        ('deploy "blue green" migr*', ['words: deploy AND "blue green" AND migr*']),
        ("a (b OR c d) -e -(f g)", ["words: a AND (b OR (c AND d)) AND -e AND -(f AND g)"]),
        ('"blue gre"*', ['words: "blue gre"*']),
        (
            "role:user agent:codex agent:hermes -agent:claude-code since:30d until:2026-03 in:tools",
            [
                "words: none",
                "role: user",
                "agent: codex or hermes and not claude-code",
                "after: 30d",
                "until: 2026-03",
                "in: tools",
            ],
        ),
        ("-tag:wip -tag:old", ["words: none", "tag: not wip and not old"]),
        ("c ++ 🎉", ["words: c AND ++ AND 🎉", "left out, no letter or digit: ++ 🎉"]),
        ("++ -🎉", ["words: ++ AND -🎉", "left out, no letter or digit: 🎉"]),
    ],
)
def test_explain_says_what_was_understood(text: str, lines: list[str]) -> None:
    assert explain(parse(text)) == lines


def test_explain_says_that_words_were_too_many() -> None:
    text = " ".join(f"w{number}" for number in range(1_000))
    assert explain(parse(text))[1:] == ["left out, more than 256 different words: 744"]
