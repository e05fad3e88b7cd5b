"""Build distributions, for the tests of what is installed."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def need_setuptools() -> None:
    """Skip the test where a wheel cannot be built without the network."""
    try:
        major = int(importlib.metadata.version("setuptools").split(".")[0])
    except importlib.metadata.PackageNotFoundError:
        major = 0
    if major < 71:
        pytest.skip(
            "needs setuptools 71 or later to build a wheel without the network: install sessiondb[dev]"
        )


def run_python(arguments: Sequence[str], folder: Path, **environment: str) -> str:
    """Run this Python in a folder and return what it printed; show all of it when it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a wheel or a source archive as pip does, but with the setuptools at hand: no network."""
    target.mkdir()
    run_python(["-c", BUILD, f"build_{kind}", str(target)], source)
    (built,) = target.iterdir()
    return built
