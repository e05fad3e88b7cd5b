"""The pages of `sessiondb web`, as a server of either Datasette answers."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.helpers.web import LONG, Server, fill, serving, told

PAGES = (
    "/",
    "/-/sessiondb",
    "/-/search?q=tokenizer",
    "/-/search",
    "/-/usage",
    "/-/activity",
    "/-/session/plain",
)


def texts(html: str) -> str:
    """Return what stands between the tags, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the elements of a page with their attributes."""
    found: list[tuple[str, dict[str, str | None]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append((tag, dict(attrs)))  # type: ignore[method-assign]
    parser.feed(html)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_each_page_runs_and_loads_only_its_own_files(site: Server, path: str) -> None:
    found = site.get(path)

    assert found.status == 200
    policy = found.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
    assert "unsafe" not in policy
    for tag, attributes in elements(found.text):
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not {name for name in attributes if name.startswith("on") or name == "style"}
        assert not str(attributes.get("href", "")).startswith(("javascript:", "data:"))
    for address in re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', found.text):
        asset = site.get(address)
        assert (asset.status, "immutable" in asset.headers["Cache-Control"]) == (200, True)


def test_the_first_page_has_sessions_follow_ups_and_charts(site: Server) -> None:
    text = texts(site.get("/").text)

    for part in (
        "4 sessions", "Mending the parser", "codex · /home/ann/quill · 2 messages",
        "Write the lexer's tests due 2026-12-01",
        "Last 30 days", "Cost of the last 30 days", "Messages of the year", "Agents claude-code 2",
    ):  # fmt: skip
        assert part in text


def test_the_list_is_narrowed_by_agent_and_let_go_again(site: Server) -> None:
    html = site.get("/-/sessiondb?agent=codex").text

    assert "1 session" in texts(html)
    assert "Mending the parser" in html
    assert "An id that needs quoting" not in html
    assert 'href="/-/sessiondb" aria-label="Without agent"' in html


def test_a_long_session_comes_in_pages(site: Server) -> None:
    pages = [site.get(f"/-/session/long?page={number}").text for number in (1, 2, 3)]

    seqs = [int(seq) for page in pages for seq in re.findall(r'<article id="m(\d+)"', page)]
    assert seqs == list(range(1, LONG + 1))
    assert "Page 2 of 3" in texts(pages[1])
    assert 'href="/-/session/long?page=3" rel=next' in pages[1]
    assert 'href="/-/session/long" rel=prev' in pages[1]


def test_a_link_to_a_message_leads_to_its_page(site: Server) -> None:
    html = site.get("/-/session/long?at=345").text

    assert "Page 2 of 3" in texts(html)
    assert 'id="m345"' in html


def test_a_sub_agent_stands_at_its_call_and_has_a_page(site: Server) -> None:
    html = site.get("/-/session/long").text

    assert html.index('id="m2"') < html.index("There are seven ferries.") < html.index('id="m3"')
    assert '<a href="/-/session/agent">Its page, with 2 messages</a>' in html
    assert "1 sub-agent" in texts(html)
    assert 'subagent of <a href="/-/session/long"><code>long</code></a>' in site.get("/-/session/agent").text


def test_a_session_has_tokens_notes_and_the_command_that_resumes_it(site: Server) -> None:
    html = site.get("/-/session/plain").text

    assert "10.5k in, 700 out" in texts(html)
    assert '<section class="notes" id="notes"><h2>Notes</h2>' in html
    assert "codex resume" in texts(site.get("/-/session/plain").text) or "Resume:" not in texts(html)
    assert 'dir="auto">اختبار طويل</h1>' in site.get("/-/session/long").text


def test_any_id_has_a_page(site: Server) -> None:
    address = "/-/session/" + quote("strange/id %41?#", safe="")

    assert f'href="{address}"' in site.get("/").text
    assert "Hello &amp; &lt;goodbye&gt;" in site.get(address).text


def test_a_session_is_found_by_the_beginning_of_its_id(site: Server) -> None:
    assert "Mending the parser" in site.get("/-/session/pla").text


def test_a_search_marks_the_words_and_leads_to_the_message(site: Server) -> None:
    html = site.get("/-/search?q=tokenizer").text

    assert "1 session found" in texts(html)
    assert "<mark>tokenizer</mark>" in html
    assert 'href="/-/session/plain?at=1#m1"' in html


def test_facets_narrow_a_search_by_its_own_language(site: Server) -> None:
    html = site.get("/-/search?q=ferries+OR+tokenizer").text

    assert 'href="/-/search?q=ferries+OR+tokenizer+agent%3Acodex"' in html
    narrowed = site.get("/-/search?q=ferries+OR+tokenizer+agent%3Acodex").text
    assert "1 session found" in texts(narrowed)
    assert 'href="/-/search?q=ferries+OR+tokenizer" title="agent:codex" aria-current="true"' in narrowed
    for name in ("Agent", "Project", "Model", "Month", "Role"):
        assert f"<h2>{name}</h2>" in html


@pytest.mark.parametrize("split", ["model", "project", "agent"])
def test_usage_is_parted_over_time(site: Server, split: str) -> None:
    html = site.get(f"/-/usage?since=all&by=monthly&split={split}").text

    assert f"Cost by month and {split}" in html
    named = {"model": "opus-4-6", "project": "quill", "agent": "codex"}[split]
    assert re.search(rf'<i class="key s\d"></i><span dir="auto">{named}</span>', html)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/-/session/nobody", 404, "there is no session nobody"),
        ("/-/usage?since=nonsense", 400, "nonsense"),
        ("/-/activity?since=nonsense", 400, "nonsense"),
        ("/-/activity?since=all&agent=nobody", 200, "Days 0"),
        ("/-/sessiondb?until=32.13.", 400, "32.13."),
        ("/-/search?q=a&in=nowhere", 400, "nowhere"),
        ("/-/session/long?page=x&at=-1", 200, "Page 1 of 3"),
        ("/-/session/long?at=99999999999999999999999", 200, "Page 3 of 3"),
        ("/-/sessiondb?page=99999999999999999999999", 200, "4 sessions"),
        ("/-/sessiondb/nothing.css", 404, "no such file"),
    ],
)
def test_what_cannot_be_shown_is_said(site: Server, path: str, status: int, said: str) -> None:
    found = site.get(path)

    assert (found.status, said in texts(found.text)) == (status, True)


def test_rows_of_the_tables_lead_to_the_pages(site: Server) -> None:
    sessions, messages, calls = (
        site.get(f"/sessions/{name}").text
        for name in ("sessions", "messages?session_id=plain", "tool_calls?session_id=plain")
    )

    assert '<a href="/-/session/plain">Mending the parser</a>' in sessions
    assert '<a href="/-/session/plain?at=2#m2">2</a>' in messages
    assert '<a href="/-/session/plain">Mending the parser</a>' in calls


def test_the_tables_say_what_they_are(site: Server) -> None:
    database, sessions = site.get("/sessions").text, site.get("/sessions/sessions").text

    assert "One conversation of one agent" in sessions
    assert "Seq up to which the messages are summed up elsewhere" in sessions
    assert "hidden tables" in texts(database)
    for query in (
        "tokens_by_month",
        "longest_sessions",
        "tool_errors",
        "open_followups",
        "sessions_of_a_file",
    ):
        assert f"/sessions/{query}" in database
        assert site.get(f"/sessions/{query}?path=lexer.py").status == 200


def test_sql_of_visitors_is_off(site: Server) -> None:
    assert site.get("/sessions/-/query?sql=select+1").status in (400, 403, 404)
    assert "select 1" not in site.get("/sessions?sql=select+1").text


def test_activity_is_that_of_the_command_line(site: Server) -> None:
    html = site.get("/-/activity?since=all").text

    hours, weekdays, tools = (told(site.database, "stats", by) for by in ("hour", "weekday", "tool"))
    assert all((hours, weekdays, tools))
    for hour in hours:
        assert f"{hour['hour']}:00 to {hour['hour']}:59: {hour['messages']:,} message" in html
    for weekday in weekdays:
        assert f"<title>{weekday['weekday']}: {weekday['messages']:,} message" in html
    for tool in tools:
        cells = re.search(rf'<span dir="auto">{re.escape(tool["tool"])}</span>.*?</tr>', html, re.DOTALL)
        assert cells, tool
        assert re.findall(r"<td>([\d,]+)</td>", cells[0])[:2] == [
            f"{tool['tool_calls']:,}",
            f"{tool['errors']:,}",
        ]


def test_a_tool_leads_to_what_it_was_asked(site: Server) -> None:
    html = site.get("/-/activity?since=all").text

    address = re.search(r'<a href="(/-/search\?q=tool%3A[^"]+)"', html)
    assert address
    assert re.search(r"[1-9]\d* sessions? found", texts(site.get(address[1]).text))


def test_figures_are_those_of_the_command_line(site: Server) -> None:
    for by, name in (("model", "model"), ("project", "project"), ("agent", "agent"), ("monthly", "month")):
        html = site.get(f"/-/usage?since=all&by=monthly&split={by if by != 'monthly' else 'model'}").text
        for row in told(site.database, "usage", by):
            title = row[name] or "(unknown)"
            cells = re.search(rf'<span dir="auto" title="{re.escape(title)}">.*?</tr>', html, re.DOTALL)
            assert cells, (by, row)
            shown = [
                full or short
                for full, short in re.findall(r'<td>(?:<span title="([\d,]+)">)?([^<]*)', cells[0])
            ]
            figures = (
                "responses",
                "input_tokens",
                "cache_read_tokens",
                "cache_write_tokens",
                "output_tokens",
            )
            expected = ["" if row[key] is None else f"{row[key]:,}" for key in (*figures, "total_tokens")]
            assert shown[:-1] == expected
            cost = row["cost_microdollars"]
            assert shown[-1] == (
                f"${cost / 1e6:,.2f}" if cost is not None else "?" * bool(row["unpriced_responses"])
            )

    home = texts(site.get("/").text)
    for row in told(site.database, "stats", "agent"):
        assert f"{row['agent']} {row['sessions']}" in home
    for row in told(site.database, "list"):
        assert f"{row['message_count']:,} message" in home
        assert row["title"] in home


@pytest.mark.once
def test_beside_another_database_the_first_page_stays_datasettes(python: Path, tmp_path: Path) -> None:
    import sqlite3

    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    connection.close()
    with serving(python, fill(tmp_path / "mine.db"), str(other), module="datasette") as server:
        assert "other" in texts(server.get("/").text)
        assert "4 sessions" in texts(server.get("/-/sessiondb").text)
        assert server.get("/-/sessiondb?db=other").status == 404
        assert "/-/sessiondb" in server.get("/").text


@pytest.mark.once
def test_pages_keep_to_the_permissions_of_datasette(python: Path, filled: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(
        json.dumps({"databases": {"sessions": {"tables": {"messages": {"allow": {"id": "ann"}}}}}})
    )
    with serving(python, filled, "--metadata", str(rules), module="datasette") as server:
        assert server.get("/sessions/notes").status == 200
        assert [server.get(path).status for path in PAGES] == [403] * len(PAGES)
