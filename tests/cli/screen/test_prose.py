"""Text on a terminal: wrapped, Markdown drawn, nothing lost, nothing alive, no column out of place."""

from __future__ import annotations

import re

import pytest

from sessiondb.chat.text import folded, width
from sessiondb.cli.screen.prose import MAX_PROSE, Prose
from tests.helpers.payloads import DRIVING, PAYLOADS

SGR = re.compile("\x1b\\[[\\d;]*m")

TABLE = """\
| name | size | كلمة |
| --- | ---: | --- |
| 船 | 12 | مرحبا |
| 🚀 go | 3 | x |
"""


def drawn(text: str, columns: int = 40) -> list[str]:
    return Prose(columns, colours=False).markdown(text)


def test_headings_lists_quotes_and_emphasis_are_drawn() -> None:
    text = "# One\n\nSome *soft* and **loud** `code`.\n\n- a\n  - b\n\n3. three\n\n> said\n"

    assert drawn(text) == [
        "# One", "", "Some soft and loud `code`.", "", " • a", "    • b", "", " 3 three", "", "▌ said",
    ]  # fmt: skip


def test_lines_break_where_people_broke_them_and_at_the_width() -> None:
    assert drawn("one\ntwo") == ["one", "two"]
    assert drawn("word " * 10, 22) == ["word word word word"] * 2 + ["word word"]


def test_columns_of_a_table_stand_below_each_other_in_any_script() -> None:
    lines = [line for line in drawn(TABLE) if line.strip(" ─")]

    starts = [
        width(line[: line.index(word)]) for line, word in zip(lines, ("كلمة", "مرحبا", "x"), strict=True)
    ]
    ends = [
        width(line[: line.index(word)] + word) for line, word in zip(lines, ("size", "12", " 3"), strict=True)
    ]
    assert len(set(starts)) == len(set(ends)) == 1


def test_links_show_where_they_lead_and_are_none_for_the_terminal() -> None:
    text = "[docs](https://a.example/x) <https://b.example> ![chart](c.png) [js](javascript:x)"
    lines = Prose(200, colours=True).markdown(text)

    assert "".join(lines) == ("docs (https://a.example/x) https://b.example chart (c.png) [js](javascript:x)")


def test_html_and_the_markup_of_rich_are_text() -> None:
    assert drawn("a <b>bold</b> [red]word[/red] :smile:\n\n<script>x</script>", 80) == [
        "a <b>bold</b> [red]word[/red] :smile:", "", "<script>x</script>",
    ]  # fmt: skip


def test_code_has_colours_and_is_whole() -> None:
    source = 'def f(x: int) -> str:\n    return f"{x}"  # why'
    lines = Prose(80, colours=True).markdown(f"```python\n{source}\n```")

    assert [SGR.sub("", line) for line in lines] == [f"  {line}" for line in source.split("\n")]
    assert any(SGR.search(line) for line in lines)


@pytest.mark.parametrize("columns", [1, 2, 7, 20, 80])
@pytest.mark.parametrize(
    "text",
    [
        "> " * 60 + "deep",
        "\n".join("  " * depth + "- deep" for depth in range(60)),
        f"|{'a|' * 60}\n|{'-|' * 60}\n|{'b|' * 60}",
        "x" * 500,
        "船" * 300,
        "[" * 3000,
        "```nonsense\na\tb\n```",
        TABLE,
        "",
        "\n\n",
    ],
)
def test_whatever_is_written_can_be_drawn(text: str, columns: int) -> None:
    for line in Prose(columns, colours=True).markdown(text):
        assert width(SGR.sub("", line)) <= max(columns, 2)


def test_a_text_that_is_too_long_to_be_prose_is_shown_as_it_is() -> None:
    text = f"# no heading {'x' * MAX_PROSE}"

    assert "".join(drawn(text)) == text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_in_a_text_drives_the_terminal(payload: str) -> None:
    prose = Prose(60, colours=False)
    for text in (
        payload,
        f"`{payload}`",
        f"```{payload}\n{payload}\n```",
        f"[{payload}](x)",
        f"| {payload} |\n|---|",
    ):
        for lines in (prose.markdown(text), prose.plain(text)):
            assert not DRIVING & set("".join(lines))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_colours_are_all_that_a_text_is_given(payload: str) -> None:
    for text in (payload, f"`{payload}`", f"```python\n{payload}\n```", f"# {payload}"):
        lines = Prose(60, colours=True).markdown(text)
        assert not DRIVING & set(SGR.sub("", "".join(lines)))
        assert "\x1b[8m" not in "".join(lines)


@pytest.mark.parametrize("text", ["abcdefg", "船舶ab", "e\u0301" * 5, ""])
def test_a_folded_line_is_whole(text: str) -> None:
    pieces = list(folded(text, 4))

    assert "".join(pieces) == text
    assert all(width(piece) <= 4 for piece in pieces)
