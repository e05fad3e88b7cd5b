"""What a message gives as the title of its session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.chat.titles import (
    TITLE_LENGTH,
    first_title,
    is_last_resort,
    one_title,
    prompt_title,
    title_of,
)

COMMAND = {"kind": "command"}


def marked(name: str, arguments: str = "") -> str:
    return (
        f"<command-name>/{name}</command-name>\n            <command-message>{name}</command-message>\n"
        f"            <command-args>{arguments}</command-args>"
    )


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Where is the lantern?", "Where is the lantern?"),
        ("  Where is\tthe  lantern? \n\nIn the shed.", "Where is the lantern? In the shed."),
        ("???", "???"),
        (" \n\t", ""),
        ("测试在哪里?\n谢谢", "测试在哪里? 谢谢"),
        ("<system-reminder>\nBe brief.\n</system-reminder>\nWhere is it?", "Where is it?"),
        ("<system-reminder>" + "long " * 3000 + "</system-reminder>\n\nWhere is it?", "Where is it?"),
        (
            "Where is it? <system-reminder>Be brief.</system-reminder>",
            "Where is it?",
        ),
        ("<system-reminder>Be brief.</system-reminder>", ""),
        ("<system-reminder>never closed", ""),
        ("<environment_context>\n<cwd>/x</cwd>\n</environment_context>", ""),
        ("<git-context>\nmain\n</git-context>\n\nExplore it.", "Explore it."),
        ("<user_query>\nExplore it.\n</user_query>", "Explore it."),
        ("<div>is not closed: why?</div>", "<div>is not closed: why?</div>"),
        (" " * 5000 + "Late.", "Late."),
    ],
)
def test_a_prompt_gives_its_beginning_on_one_line(text: str, title: str) -> None:
    assert prompt_title(text) == title


def test_a_long_text_is_cut_at_a_word() -> None:
    assert prompt_title("lantern " * 20) == "lantern " * 11 + "lantern…"
    assert prompt_title("x" * 101) == "x" * 99 + "…"
    assert prompt_title("x" * 100) == "x" * 100
    # Not where that would take much of it.
    assert prompt_title("short " + "x" * 200) == "short " + "x" * 93 + "…"


@given(st.text(max_size=400))
def test_a_title_is_one_line_of_at_most_a_hundred_characters(text: str) -> None:
    for title in (prompt_title(text), one_title(text), title_of("system", text, COMMAND)):
        assert len(title) <= TITLE_LENGTH
        assert title.splitlines() in ([], [title])


@pytest.mark.parametrize(
    ("role", "content", "metadata", "title"),
    [
        ("user", "Where?", None, "Where?"),
        ("user", "Where?", {"queued": True}, "Where?"),
        ("user", "Where?", {"kind": "peer"}, ""),
        ("assistant", "There.", None, ""),
        ("system", "You are brief.", None, ""),
        ("system", "You are brief.", {"kind": "meta"}, ""),
        ("user", None, None, ""),
        ("system", marked("review", "look at the parser"), COMMAND, "/review look at the parser"),
        ("user", marked("review", "look at the parser"), None, "/review look at the parser"),
        ("system", marked("init"), COMMAND, "/init"),
        (
            "system",
            "<command-message>init is running…</command-message>\n<command-name>/init</command-name>",
            COMMAND,
            "/init",
        ),
        ("system", f"Caveat: The messages below\n{marked('clear')}", COMMAND, "/clear"),
        ("system", "<bash-input>ls -l</bash-input>", COMMAND, "! ls -l"),
        ("system", "<local-command-stdout>Bye!</local-command-stdout>", COMMAND, ""),
        ("system", "/add lexer.py", COMMAND, "/add lexer.py"),
        ("system", "$ ls\nlexer.py", COMMAND, "$ ls"),
        ("system", "Model set to opus", COMMAND, ""),
        ("user", "What does <command-name> mean?", None, "What does <command-name> mean?"),
    ],
)
def test_prompts_and_commands_give_titles(
    role: str, content: str | None, metadata: object, title: str
) -> None:
    assert title_of(role, content, metadata) == title


@pytest.mark.parametrize("title", [None, "", "/clear", "/model opus", "/add lexer.py", "! ls", "$ ls"])
def test_a_command_to_the_program_itself_is_a_last_resort(title: str | None) -> None:
    assert is_last_resort(title)


@pytest.mark.parametrize(
    "title", ["Where?", "/review it", "/init", "/home/ann/x.py fails", "/", "!important"]
)
def test_what_is_said_to_a_model_is_none(title: str) -> None:
    assert not is_last_resort(title)


@pytest.mark.parametrize(
    ("titles", "first"),
    [
        (["", "/clear", "/model x", "Where?", "Here?"], "Where?"),
        (["/clear", "", "/model x"], "/clear"),
        ([""], ""),
        ([], ""),
    ],
)
def test_a_session_is_called_by_the_first_that_says_something(titles: list[str], first: str) -> None:
    assert first_title(titles) == first
