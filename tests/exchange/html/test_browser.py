"""Pages in a real browser, where there is one: the policy lets the script run, and lets nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sessiondb import SessionDB
from tests.helpers.browser import CHROMIUM, QUIET, need
from tests.helpers.waiting import HANG


def opened(address: str, profile: Path) -> tuple[str, str]:
    """Return the page as it is once it is loaded, and what the browser's console says."""
    need("Chromium", CHROMIUM)
    command = [
        str(CHROMIUM),
        *QUIET,
        "--enable-logging=stderr",
        "--dump-dom",
        f"--user-data-dir={profile}",
        address,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=True)
    except subprocess.TimeoutExpired:
        pytest.skip("Chromium did not answer")
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.once
def test_a_page_searches_and_is_inert(tmp_path: Path) -> None:
    evil = "<img src=x onerror=document.title='bad'><script>document.title='bad'</script> [x](javascript:1)"
    with SessionDB(tmp_path / "some.db") as db:
        db.sessions.start("codex", id="s", title="Fix it")
        db.messages.append("s", "user", f"Where is the ferry? {evil}")
        db.messages.append("s", "assistant", f"No idea. {evil}")
        db.export(tmp_path / "pages", format="html")

    page, console = opened(f"{(tmp_path / 'pages' / 's.html').as_uri()}#q=FERRY", tmp_path / "profile")
    index, index_console = opened((tmp_path / "pages" / "index.html").as_uri(), tmp_path / "profile")

    assert (console, index_console) == ("", "")
    assert "<title>Fix it</title>" in page
    assert "1 of 2 messages" in page
    assert '<article id="m2" class="assistant" hidden="">' in page
    assert 'aria-label="Search all sessions" hidden' not in index
