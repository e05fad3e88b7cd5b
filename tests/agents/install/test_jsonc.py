"""JSON edited by splicing: what is meant changes, and everything else stays as it was typed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiondb.agents.install import jsonc
from sessiondb.errors import InvalidInput
from tests.helpers.work import calls

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)
INDENTS = st.sampled_from([None, 1, 2, 4, "\t"])
NEWLINES = st.sampled_from(["\n", "\r\n"])


def text_of(data: Any, indent: int | str | None, newline: str) -> str:
    return json.dumps(data, indent=indent).replace("\n", newline)


@given(OBJECTS, INDENTS, NEWLINES, VALUES)
def test_what_is_put_is_there_and_comes_out_without_a_trace(
    data: dict[str, Any], indent: int | str | None, newline: str, value: Any
) -> None:
    text = text_of(data, indent, newline)
    made = jsonc.put(text, ("new key", "inner"), value)
    assert json.loads(made) == data | {"new key": {"inner": value}}
    assert list(json.loads(made)) == [*data, "new key"]
    if data:
        assert jsonc.remove(made, ("new key",)) == text
    else:
        assert json.loads(jsonc.remove(made, ("new key",))) == {}


@given(st.lists(VALUES, min_size=1, max_size=3), INDENTS, NEWLINES, VALUES)
def test_what_is_appended_comes_last_and_out_without_a_trace(
    items: list[Any], indent: int | str | None, newline: str, value: Any
) -> None:
    text = text_of({"list": items, "z": 1}, indent, newline)
    made = jsonc.append(text, ("list",), value)
    assert json.loads(made) == {"list": [*items, value], "z": 1}
    assert jsonc.remove(made, ("list", len(items))) == text


@given(OBJECTS, INDENTS)
def test_any_member_can_be_taken_out(data: dict[str, Any], indent: int | str | None) -> None:
    for key in data:
        left = jsonc.remove(text_of(data, indent, "\n"), (key,))
        assert json.loads(left) == {other: value for other, value in data.items() if other != key}


PUT = {
    "nothing": ("", '{\n  "b": {\n    "c": 1\n  }\n}\n'),
    "an empty object": ("{}", '{\n  "b": {\n    "c": 1\n  }\n}'),
    "one line": ('{"a": 1}', '{"a": 1, "b": {"c": 1}}'),
    "one dense line": ('{"a":1}', '{"a":1,"b":{"c":1}}'),
    "a comment behind the last": (
        '{\n  "a": 1 // one, or two\n}\n',
        '{\n  "a": 1, // one, or two\n  "b": {\n    "c": 1\n  }\n}\n',
    ),
    "a comma at the end": ('{\n\t"a": 1,\n}', '{\n\t"a": 1,\n\t"b": {\n\t\t"c": 1\n\t},\n}'),
    "a comment at the end": (
        '{\n  "a": 1\n  /* that was , all */\n}',
        '{\n  "a": 1,\n  /* that was , all */\n  "b": {\n    "c": 1\n  }\n}',
    ),
    "comments around": ("// top\n{} // end", '// top\n{\n  "b": {\n    "c": 1\n  }\n} // end'),
    "an empty object inside": ('{\n    "b": {}\n}', '{\n    "b": {\n        "c": 1\n    }\n}'),
    "another value": ('{"b": {"c": [2], "d": 3}}', '{"b": {"c": 1, "d": 3}}'),
    "a key twice, of which the last counts": (
        '{"b": {"c": 5}, "b": {"c": 7}}',
        '{"b": {"c": 5}, "b": {"c": 1}}',
    ),
}


@pytest.mark.parametrize("shape", PUT)
def test_a_member_is_put_where_a_person_would_have_typed_it(shape: str) -> None:
    text, made = PUT[shape]
    assert jsonc.put(text, ("b", "c"), 1) == made
    assert jsonc.put(made, ("b", "c"), 1) == made


REMOVED = {
    "the only one": ('{\n  "b": 1\n}\n', "{}\n"),
    "the first": ('{\n  "b": 1,\n  "c": 2\n}', '{\n  "c": 2\n}'),
    "the last": ('{\n  "a": 1,\n  "b": 2\n}', '{\n  "a": 1\n}'),
    "between comments": (
        '{\n  "a": 1, // about a\n  // about b\n  "b": 2, // more about b\n  "c": 3\n}',
        '{\n  "a": 1, // about a\n  // about b // more about b\n  "c": 3\n}',
    ),
    "with a comma at the end": ('{\n  "a": 1,\n  "b": 2,\n}', '{\n  "a": 1,\n}'),
    "on one line": ('{"a": 1, "b": 2, "c": 3}', '{"a": 1, "c": 3}'),
    "beside a comment": ('{\n  // mine\n  "b": 1\n}', "{\n  // mine\n}"),
}


@pytest.mark.parametrize("shape", REMOVED)
def test_a_member_is_taken_out_and_comments_stay(shape: str) -> None:
    text, left = REMOVED[shape]
    assert jsonc.remove(text, ("b",)) == left


BROKEN = {
    '{\n  "a": 1\n  "b": 2\n}': "line 3: a comma or } is missing",
    '{"a": 1': "line 1: it ends too early",
    '{"a" 1}': "line 1: a colon is missing",
    "{a: 1}": "line 1: a key in double quotes is missing",
    '{"a": yes}': "line 1: no JSON value: 'yes}'",
    '{"a": 1}}': "line 1: something follows its end",
    '{"a": 1-2}': "line 1: a comma or } is missing",
    "[" * 5000: "line 1: nested too deeply",
    '{"a": [NaN]}': "line 1: no JSON value: 'NaN]}'",
    '{"a": "\\ud800\\q"}': "line 1: no JSON value: '\"\\\\ud800\\\\q\"'",
    "/* for ever": "line 1: no JSON value: '/* for ever'",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_broken_is_named_with_its_line(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        jsonc.load(text)
    assert str(caught.value) == BROKEN[text]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n  // mine\n  "a": 1\n}', "line 2: a comment, which the agent does not read"),
        ('{"a": 1} /* end */', "line 1: a comment, which the agent does not read"),
        ('{\n  "a": 1,\n}', "line 2: a comma before the end, which the agent does not read"),
    ],
)
def test_what_a_strict_agent_does_not_read_is_broken_for_it(text: str, problem: str) -> None:
    jsonc.load(text)
    with pytest.raises(InvalidInput) as caught:
        jsonc.load(text, strict=True)
    assert str(caught.value) == problem


def test_the_rest_of_a_file_is_no_work_for_an_edit() -> None:
    def work(projects: int) -> int:
        history = {str(number): {"history": ["x" * 200] * 20} for number in range(projects)}
        text = json.dumps({"projects": history}, indent=2)

        def edit() -> None:
            made = jsonc.put(text, ("mcpServers", "sessiondb"), {"command": "x"})
            assert jsonc.remove(made, ("mcpServers",)) == text

        return calls(edit)

    work(1)
    assert work(400) < 1.5 * work(100)


@pytest.mark.parametrize("text", ['{"b": null}', '{"b": []}', '{"b": "x"}', "[]"])
def test_what_is_in_the_way_is_not_replaced(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an object"):
        jsonc.put(text, ("b", "c"), 1)
