"""Pages as axe-core judges them. On demand, since it is a package of npm:

SESSIONDB_AXE=node_modules/axe-core/axe.min.js pytest tests/exchange/html/test_accessibility.py
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from sessiondb import SessionDB
from tests.helpers.waiting import HANG

AXE = os.environ.get("SESSIONDB_AXE", "")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=60000", "--dump-dom",
)  # fmt: skip
JUDGE = """
document.querySelectorAll("details").forEach((each) => { each.open = true; });
axe.run().then((found) => {
  document.title = JSON.stringify(found.violations.map((one) => [one.impact, one.id, one.nodes[0].html]));
});
"""

pytestmark = pytest.mark.skipif(
    not (AXE and CHROMIUM), reason="asked for by SESSIONDB_AXE, and needs Chromium"
)


def fill(path: Path) -> None:
    """Store a session with something of everything that a page can show."""
    prose = "# Plan\n\n### Deep\n\n> said\n\n| a | b | c | d |\n|-|-|-|-|\n| 1 | 2 | 3 | 4 |\n\n"
    code = (
        "```python\n"
        + "value = 1  # a comment that is long enough not to fit on a telephone\n" * 40
        + "```\n"
    )
    edit = {"file_path": "/quill/a.py", "old_string": "x = 1", "new_string": "x = 2" + " y" * 100}
    calls = [
        {"id": "a", "name": "Bash", "arguments": {"command": "ls"}},
        {"id": "b", "name": "Edit", "arguments": edit},
        {"id": "c", "name": "Task", "arguments": {"prompt": "Look for figs"}},
    ]
    with SessionDB(path) as db:
        db.sessions.start("claude-code", id="s", title="Figs", project="/quill", tags=["kitchen"])
        db.messages.append("s", "system", "You are in a kitchen.", kind="environment")
        db.messages.append("s", "user", "long\n" * 100)
        links = "[](https://example.org) ![picture](https://example.org/a.png)"
        db.messages.append("s", "assistant", prose + code + links, reasoning="Hm.", tool_calls=calls)
        db.messages.append("s", "tool", "line\n" * 100, tool_call_id="a")
        db.messages.append("s", "tool", "no", tool_call_id="b", is_error=True)
        db.sessions.start("claude-code", id="t", parent="s", relation="subagent")
        db.messages.append("t", "user", "Look for figs")
        db.notes.add("decision", "Figs", session_id="s")
        db.export(path.parent / "pages", format="html")


@pytest.mark.parametrize("name", ["s.html", "index.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_axe_finds_nothing(tmp_path: Path, name: str, scheme: str, width: int) -> None:
    fill(tmp_path / "some.db")
    page = (tmp_path / "pages" / name).read_text("utf-8")
    # The page's own policy would not let another script run.
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    judged = f"<script>{Path(AXE).read_text('utf-8')}</script><script>{JUDGE}</script>"
    (tmp_path / "judged.html").write_text(open_page + judged, "utf-8")
    colours = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"

    done = subprocess.run(
        [str(CHROMIUM), *QUIET, colours, f"--window-size={width},900", f"--user-data-dir={tmp_path / 'profile'}",
         (tmp_path / "judged.html").as_uri()],
        capture_output=True, text=True, timeout=HANG, check=True,
    )  # fmt: skip

    title = re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None
    assert unescape(title[1]) == "[]"
