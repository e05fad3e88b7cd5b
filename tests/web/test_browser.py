"""The pages in a real browser: keys, charts, narrow and dark screens, and that nothing else is run or loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.helpers.browser import asked_for, browser, console, look
from tests.helpers.web import Server

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# What is served is asked of every Python in test_pages.py.
pytestmark = pytest.mark.once

PAGES = (
    "/",
    "/-/search?q=ferry+OR+tokenizer",
    "/-/usage?since=all",
    "/-/activity?since=all",
    "/-/session/plain",
    "/-/session/long",
)


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Start one browser for all tests."""
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def press(chrome: Chrome, keys: str) -> None:
    """Press keys, one after the other, wherever the focus is."""
    from selenium.webdriver import ActionChains

    for key in keys:
        ActionChains(chrome).send_keys(key).perform()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_the_screen_and_stay_at_home(chrome: Chrome, site: Server, width: int, scheme: str) -> None:
    look(chrome, width=width, scheme=scheme)
    asked_for(chrome)
    for path in PAGES:
        chrome.get(site.base + path)
        wide = chrome.execute_script("return document.documentElement.scrollWidth")
        ground = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert wide <= width, path
        assert ground == {"light": "rgb(246, 247, 249)", "dark": "rgb(13, 17, 23)"}[scheme]

    assert console(chrome) == []
    assert {url for url in asked_for(chrome) if not url.startswith(f"{site.base}/")} == set()


def test_nothing_in_a_transcript_is_alive(chrome: Chrome, site: Server) -> None:
    look(chrome)
    chrome.get(site.base + "/-/session/plain")
    chrome.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")

    schemes = chrome.execute_script("return [...document.links].map((link) => link.protocol)")
    assert chrome.title == "Mending the parser"
    assert set(schemes) <= {"http:", "https:", "mailto:"}
    assert (
        chrome.execute_script("return document.querySelectorAll('article :is(script, img, iframe)').length")
        == 0
    )
    assert console(chrome) == []


def test_keys_go_through_messages_and_to_the_search(chrome: Chrome, site: Server) -> None:
    look(chrome)
    chrome.get(site.base + "/-/session/long")
    focus = "return document.activeElement.id"

    press(chrome, "jj")
    assert chrome.execute_script(focus) == "m2"
    press(chrome, "k")
    assert chrome.execute_script(focus) == "m1"
    press(chrome, "/jk")
    assert chrome.execute_script("return document.activeElement.value") == "jk"

    chrome.get(site.base + "/")
    press(chrome, "jj")
    assert chrome.execute_script("return document.activeElement.textContent") == "Count"
    press(chrome, "/")
    assert chrome.execute_script("return document.activeElement.name") == "q"


def test_a_hit_leads_to_its_message(chrome: Chrome, site: Server) -> None:
    look(chrome)
    chrome.get(site.base + "/-/search?q=lexer.py+in:tools")
    chrome.execute_script("document.querySelector('.hits a').click()")

    assert chrome.title == "Mending the parser"
    top = chrome.execute_script(
        "return document.querySelector('details[open] pre').getBoundingClientRect().top"
    )
    assert 0 <= top < 900


def test_a_chart_is_drawn_with_a_name_and_a_legend(chrome: Chrome, site: Server) -> None:
    look(chrome)
    chrome.get(site.base + "/-/usage?since=all&by=daily")

    heights = chrome.execute_script(
        "const bars = [...document.querySelectorAll('.chart rect:not(.hit)')];"
        "return bars.map((bar) => bar.getBoundingClientRect().height)"
    )
    assert max(heights) == pytest.approx(160, abs=2)
    assert (
        chrome.execute_script("return document.querySelector('.chart svg title').textContent")
        == "Cost by day and model"
    )
    colours = chrome.execute_script(
        "return [...document.querySelectorAll('.legend i')].map((key) => getComputedStyle(key).backgroundColor)"
    )
    assert len(set(colours)) == len(colours) >= 3


def test_text_from_right_to_left_is_laid_out_so(chrome: Chrome, site: Server) -> None:
    look(chrome)
    chrome.get(site.base + "/-/session/long")

    said = "return getComputedStyle(document.querySelector(arguments[0])).direction"
    assert chrome.execute_script(said, "h1") == "rtl"
    assert chrome.execute_script(said, "#m1 .plain") == "rtl"
    assert chrome.execute_script(said, "body") == "ltr"
