"""Pages of sessions: what a reader finds in them, and that nothing in them is alive."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.exchange.html import SCRIPT, STYLE, page
from sessiondb.exchange.html.markup import MAX_MARKDOWN, markdown, plain

EVIL = '<script>alert(1)</script><img src=x onerror=alert(1)> "quoted" \x1b[31m \u202e'
AT = "2026-03-02T08:00:{:02}Z"
VOID = {"meta", "input", "br", "hr"}


class Reader(HTMLParser):
    """All elements with their attributes, and whether each is closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]


def html_of(db: SessionDB, session_id: str = "s", **links: Any) -> str:
    return "".join(page(db.transcript(session_id, subagents=True), **links))


def start(db: SessionDB, id: str = "s", **fields: Any) -> None:
    db.sessions.start("codex", id=id, started_at=AT.format(1), **fields)


def test_a_call_stands_with_its_answer_and_both_can_be_linked_to(db: SessionDB) -> None:
    start(db, project="/home/ann/quill", title="Fix the parser")
    call = {"id": "c", "name": "Bash", "arguments": {"command": "ls <src>"}}
    db.messages.append("s", "user", "Where *is* it?", created_at=AT.format(2))
    asked = db.messages.append("s", "assistant", "I **look**.", reasoning="Hm", tool_calls=[call])
    db.messages.append("s", "tool", "a\nb & c", tool_call_id="c")
    db.add_tokens("s", message_id=asked.id, input=1200, output=30, cost_microdollars=20_000)

    html = html_of(db)

    assert [id for id in Reader(html).ids if id.startswith("m")] == ["m1", "m2", "m3"]
    assert '<h1 dir="auto">Fix the parser</h1>' in html
    assert '<div class="plain" dir="auto">Where *is* it?</div>' in html
    assert "<p>I <strong>look</strong>.</p>" in html
    assert "<b>Bash</b>: <code>ls &lt;src&gt;</code>" in html
    assert '<p class="label">Result, 2 lines</p><pre>\na\nb &amp; c</pre>' in html
    assert '<details class="reasoning"><summary>Reasoning <small>2 characters</small></summary>' in html
    assert 'title="input 1,200, output 30">1.2k in, 30 out, $0.02</span>' in html
    assert '<time datetime="2026-03-02T08:00:02.000Z">2026-03-02 08:00</time>' in html
    assert html.count("<article") == 2


def test_an_edit_is_shown_as_lines_taken_out_and_put_in(db: SessionDB) -> None:
    start(db)
    edit = {"file_path": "a.py", "old_string": "x < 1", "new_string": "x < 2"}
    db.messages.append("s", "assistant", "", tool_calls=[{"id": "c", "name": "Edit", "arguments": edit}])

    html = html_of(db)

    assert "<b>Edit</b> <code>a.py</code> <small>+1 -1</small>" in html
    assert '<pre class="diff">\n<del>-x &lt; 1</del>\n<ins>+x &lt; 2</ins>\n</pre>' in html


def test_a_subagent_stands_below_the_call_that_began_it_and_the_others_at_the_end(db: SessionDB) -> None:
    start(db, title="Whole")
    start(db, "found", title="Find it", parent="s", relation="subagent")
    start(db, "lost", title="Nobody called", parent="s", relation="subagent")
    db.messages.append("found", "user", "Find the bug")
    call = {"id": "c", "name": "Task", "arguments": {"description": "Find", "prompt": "Find the bug"}}
    db.messages.append("s", "assistant", "I ask.", tool_calls=[call])
    db.messages.append("s", "user", "Thanks")

    html = html_of(db)

    order = [html.index(text) for text in ("<b>Task</b>", "Find it", 'id="a1-m1"', "Thanks", "Nobody called")]
    assert order == sorted(order)
    Reader(html)


@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_whatever_is_said_is_only_text(db: SessionDB, role: str) -> None:
    start(db, title=EVIL, project=f"/home/{EVIL}", tags=[EVIL])
    db.messages.append("s", role, EVIL, reasoning=EVIL if role == "assistant" else None)
    for name in ("Bash", EVIL):
        call = {"id": name, "name": name, "arguments": {"command": EVIL, EVIL: EVIL}}
        db.messages.append("s", "assistant", f"```{EVIL}\n{EVIL}\n```", tool_calls=[call])
        db.messages.append("s", "tool", EVIL, tool_call_id=name, is_error=True)
    db.messages.append("s", "tool", EVIL, tool_call_id="nobody's", name=EVIL)
    db.notes.add("decision", EVIL, session_id="s")

    read = Reader(html_of(db))

    assert len(read.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert not read.all("img")
    assert not any(character in "".join(read.texts) for character in "\x1b\u202e")


def test_nothing_is_loaded_and_the_policy_knows_the_style_and_script_by_hash(db: SessionDB) -> None:
    start(db)
    db.messages.append("s", "assistant", "![A plot](https://example.org/a.png) [b](https://example.org/b)")

    read = Reader(html_of(db))

    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (STYLE, SCRIPT)]
    (policy,) = [meta["content"] for meta in read.all("meta") if meta.get("http-equiv")]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert {STYLE, SCRIPT} <= set(read.texts)
    assert not re.search(r"url\(|@import|https?:", STYLE + SCRIPT)
    loading = {"link", "img", "iframe", "object", "embed", "video", "audio", "source", "base", "form"}
    assert not loading & {tag for tag, _ in read.elements}
    assert not [name for _, attributes in read.elements for name in attributes if name in ("src", "style")]
    links = [link for link in read.all("a") if not str(link["href"]).startswith("#")]
    assert links == [
        {"href": f"https://example.org/{name}", "rel": "noopener noreferrer"} for name in ("a.png", "b")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,hi)", "[x](file:///etc/passwd)",
        "<javascript:alert(1)>", "[x][1]\n\n[1]: javascript:alert(1)", "![x](data:image/svg+xml;base64,AA)",
        "[x](&#106;avascript:alert(1))", "[x](vbscript:x)", "[x](//evil.example)", "<a href='javascript:x'>y</a>",
    ],
)  # fmt: skip
def test_a_link_that_leads_nowhere_on_the_web_stays_text(text: str) -> None:
    assert not Reader(markdown(text)).all("a")


def test_markdown_is_rendered_but_not_in_a_text_too_long_for_prose() -> None:
    assert markdown("| a |\n|---|\n| ~~b~~ |").count("<td><s>b</s></td>") == 1
    long = "*x* " * (MAX_MARKDOWN // 4 + 1)
    assert markdown(long) == plain(long)


def test_an_answer_to_no_known_call_is_shown_once(db: SessionDB) -> None:
    start(db)
    db.messages.append("s", "tool", "What was found", tool_call_id="nobody's", name="look")

    assert html_of(db).count("What was found") == 1


def test_long_prompts_are_folded_with_their_size(db: SessionDB) -> None:
    start(db)
    db.messages.append("s", "user", "First line\n" * 100)

    assert '<details class="long"><summary>First line First' in html_of(db)
    assert "<small>100 lines</small>" in html_of(db)


def test_sessions_that_are_each_others_parent_end(db: SessionDB) -> None:
    start(db)
    start(db, "t", parent="s", relation="subagent")
    with db.connection.transaction():
        db.connection.execute("UPDATE sessions SET parent_id = 't', relation = 'subagent' WHERE id = 's'")

    assert html_of(db).count('class="subagent"') == 1


def test_what_a_fork_shares_comes_first_and_every_message_has_an_address_of_its_own(db: SessionDB) -> None:
    start(db, "p")
    db.messages.append("p", "user", "Shared")
    start(db, title="Fork", parent="p", relation="fork", metadata={"forked_at": 1})
    db.messages.append("s", "user", "Own")
    found = db.transcript("s", subagents=True)
    both = replace(found, messages=[*db.transcript("p").messages, *db.transcript("s", first=1).messages])

    html = "".join(page(both))

    ids = [id for id in Reader(html).ids if re.search(r"m\d", id)]
    assert ids == ["f1-m1", "m1"]
    assert html.index("From <code>p</code>, where this began") < html.index("Shared") < html.index("Own")


def test_the_parent_is_a_link_where_it_has_a_page(db: SessionDB) -> None:
    start(db, "p")
    start(db, parent="p", relation="fork")

    assert "fork of <code>p</code>" in html_of(db)
    assert 'fork of <a href="p.html"><code>p</code></a>' in html_of(db, links={"p": "p.html"})


def test_a_keyboard_can_scroll_whatever_may_not_fit() -> None:
    wide, high = "x" * 60, "line\n" * 30
    table = "| a | b | c | d |\n| - | - | - | - |\n| 1 | 2 | 3 | 4 |"

    pages = [markdown(f"```\n{text}\n```") for text in (wide, high, "short")] + [markdown(table)]

    assert [page.count('tabindex="0"') for page in pages] == [1, 1, 0, 1]


def test_headings_stand_below_the_title_of_the_page_and_empty_links_show_where_they_lead() -> None:
    html = markdown("# One\n\n### Three\n\n[](https://example.org/pie)")

    assert '<h2 class="h1">One</h2>' in html
    assert '<h2 class="h3">Three</h2>' in html
    assert ">https://example.org/pie</a>" in html
