"""A real browser for tests, with nothing of the user's in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


def need(what: str, found: object) -> None:
    """Skip a test that lacks a program; `SESSIONDB_REQUIRE` names those that must be there."""
    if not found:
        if "browser" in os.environ.get("SESSIONDB_REQUIRE", ""):
            pytest.fail(f"needs {what}")
        pytest.skip(f"needs {what}")


@contextmanager
def browser(profile: Path) -> Iterator[Chrome]:
    """Start Chromium with an empty profile, and keep a record of what it asks for and what its console says."""
    need("Chromium", CHROMIUM)
    need("chromedriver (Debian: chromium-driver)", DRIVER)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*QUIET, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    try:
        yield chrome
    finally:
        chrome.quit()


def look(chrome: Chrome, *, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
    """Give the browser a size and a colour scheme."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def console(chrome: Chrome) -> list[str]:
    """Return what the console has said since the last time."""
    return [str(entry["message"]) for entry in _log(chrome, "browser")]


def asked_for(chrome: Chrome) -> set[str]:
    """Return the addresses that were asked for since the last time."""
    messages = [json.loads(entry["message"])["message"] for entry in _log(chrome, "performance")]
    return {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }


def _log(chrome: Any, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = chrome.get_log(kind)
    return entries
