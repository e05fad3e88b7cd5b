"""sessiondb show: the transcript as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sessiondb import SessionDB

Run = Callable[..., Result]

TEXT = """\
Recipe parser
  session   11112222-parser
  agent     codex (gpt-5)
  project   /home/mira/src/quill
  time      2026-03-02 08:00 to 2026-03-02 08:05, ended (done)
  size      3 messages, 1 tool call, 31.5k tokens
  tags      kitchen

#1 system (environment)  2026-03-02 08:00
You are in a kitchen.

#2 user  2026-03-02 08:00
Where does the parser lose ½ cup?

#3 assistant  2026-03-02 08:00
  ~ Maybe unicode.
Let me look.
  > grep {"pattern":"½"}

#4 tool (grep)  2026-03-02 08:00
  | amounts.py:12
  | amounts.py:40

#5 assistant  2026-03-02 08:05
In amounts.py.

Notes
  decision: Amounts are fractions.
"""

MARKDOWN = """\
# Recipe parser

- session: 11112222-parser
- agent: codex (gpt-5)
- project: /home/mira/src/quill
- time: 2026-03-02 08:00 to 2026-03-02 08:05, ended (done)
- size: 3 messages, 1 tool call, 31.5k tokens
- tags: kitchen

## 1. system (environment)  2026-03-02 08:00

You are in a kitchen.

## 2. user  2026-03-02 08:00

Where does the parser lose ½ cup?

## 3. assistant  2026-03-02 08:00

<details><summary>Reasoning, 14 characters</summary>

> Maybe unicode.

</details>

Let me look.

<details><summary><b>grep</b> <code>"½"</code> (2 matches)</summary>

```
pattern: ½
```

Result, 2 lines:

```
amounts.py:12
amounts.py:40
```

</details>

## 5. assistant  2026-03-02 08:05

In amounts.py.

## Notes

- decision: Amounts are fractions.
"""

CALL = {
    "name": "grep",
    "arguments": '{"pattern":"½"}',
    "result": "amounts.py:12\namounts.py:40",
    "is_error": None,
    "call_id": "c1",
}


def shown(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("options", "expected"), [([], TEXT), (["--format", "text"], TEXT), (["--format", "md"], MARKDOWN)]
)
def test_transcript_is_text_or_markdown(filled: Path, run: Run, options: list[str], expected: str) -> None:
    result = run("show", "11112222-parser", *options)

    assert (result.stdout, result.stderr, result.exit_code) == (expected, "", 0)


def test_json_holds_session_messages_and_notes(filled: Path, run: Run) -> None:
    found = shown(run("show", "11112222-parser", "--json"))

    (listed,) = json.loads(run("list", "--agent", "codex", "--json").stdout)
    assert {name: found["session"][name] for name in listed} == listed
    assert {name: value for name, value in found["session"].items() if name not in {*listed, "origin"}} == {
        "cost_microdollars": 1_250_000,
        "consolidated": 0,
        "metadata": {},
        "channel": None,
    }
    assert found["session"]["tags"] == ["kitchen"]
    assert [
        (message["seq"], message["role"], message["content"], message["tool_calls"], message["tool_call_id"])
        for message in found["messages"]
    ] == [
        (1, "system", "You are in a kitchen.", [], None),
        (2, "user", "Where does the parser lose ½ cup?", [], None),
        (3, "assistant", "Let me look.", [CALL], None),
        (4, "tool", None, [], "c1"),
        (5, "assistant", "In amounts.py.", [], None),
    ]
    assert found["messages"][1] == {
        "seq": 2,
        "role": "user",
        "content": "Where does the parser lose ½ cup?",
        "created_at": "2026-03-02T08:00:01.000Z",
        "tool_calls": [],
        "tool_call_id": None,
        "reasoning": None,
        "parts": None,
        "model": None,
        "finish_reason": None,
        "id": 2,
        "external_id": "m-2",
        "metadata": {},
    }
    assert [(note["kind"], note["body"]) for note in found["notes"]] == [
        ("decision", "Amounts are fractions.")
    ]


def test_channel_is_told_in_words_and_in_json(filled: Path, run: Run) -> None:
    channel = shown(run("show", "@last", "--json"))["session"]["channel"]

    assert "  channel   DM with Noor\n" in run("show", "@last").stdout
    assert channel == {
        "platform": "telegram",
        "chat_type": "dm",
        "chat_id": "7",
        "chat_name": None,
        "user_id": None,
        "user_name": "Noor",
        "thread_id": None,
    }


def test_without_tools_only_what_was_said_is_left(filled: Path, run: Run) -> None:
    found = shown(run("show", "11112222-p", "--json", "--no-tools"))

    assert [(message["seq"], message["tool_calls"]) for message in found["messages"]] == [
        (1, []),
        (2, []),
        (3, []),
        (5, []),
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--around", "3", "-C", "1"], [2, 3, 4]),
        (["--around", "m-2", "--context", "0"], [2]),
        (["--around", "5", "-C", "1"], [4, 5]),
        (["--around", "1"], [1, 2, 3, 4, 5]),
        (["-n", "2"], [1, 2]),
        (["-n", "2", "--offset", "3"], [4, 5]),
        (["-n", "0"], [1, 2, 3, 4, 5]),
    ],
)
def test_a_part_is_shown(filled: Path, run: Run, options: list[str], expected: list[int]) -> None:
    found = shown(run("show", "11112222-parser", "--json", *options))

    assert [message["seq"] for message in found["messages"]] == expected


def test_an_answer_without_its_call_in_sight_carries_it(filled: Path, run: Run) -> None:
    found = shown(run("show", "11112222-parser", "--json", "--around", "4", "-C", "0"))

    assert [(message["role"], message["tool_calls"]) for message in found["messages"]] == [("tool", [CALL])]


def test_what_the_limit_leaves_out_is_said(filled: Path, run: Run) -> None:
    assert (
        run("show", "11112222-parser", "-n", "2").stderr
        == "3 more; use -n/--limit to see them (0 means all)\n"
    )


def test_nl_is_a_message_a_line(filled: Path, run: Run) -> None:
    lines = run("show", "11112222-parser", "--nl").stdout.splitlines()

    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3, 4, 5]
    assert json.loads(lines[2])["tool_calls"] == [CALL]


def test_fmt_shows_the_text_of_tools_too(filled: Path, run: Run) -> None:
    lines = run("show", "11112222-parser", "--fmt", "plain", "--no-headers").stdout.splitlines()

    assert [line.split("  ")[-1] for line in lines] == [
        "You are in a kitchen.",
        "Where does the parser lose ½ cup?",
        "Let me look.",
        "amounts.py:12 amounts.py:40",
        "In amounts.py.",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "Error: there is no session nope: `sessiondb list` lists them\n"),
        (
            ["11112222"],
            "Error: several sessions begin with 11112222: 11112222-ferry, 11112222-parser;"
            " give more of the id\n",
        ),
        (
            ["11112222-p", "--around", "9"],
            "Error: session 11112222-parser has no message 9: give a seq up to 5, or an id\n",
        ),
    ],
)
def test_what_is_not_there_is_one_line(filled: Path, run: Run, arguments: list[str], message: str) -> None:
    result = run("show", *arguments)

    assert (result.stdout, result.stderr, result.exit_code) == ("", message, 1)


def test_long_answers_are_shortened_unless_told(filled: Path, run: Run) -> None:
    answer = "\n".join(f"line {number}" for number in range(30))
    with SessionDB(filled) as db:
        db.messages.append("11112222-ferry", "assistant", tool_calls=[{"id": "c2", "name": "cat"}])
        db.messages.append("11112222-ferry", "tool", answer, tool_call_id="c2")

    short, full = run("show", "@last").stdout, run("show", "@last", "--full").stdout

    assert short.endswith("  | line 11\n  | ... 18 more lines, --full shows them\n")
    assert full.endswith("  | line 28\n  | line 29\n")
