"""sessiondb completions"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

import click

from sessiondb.cli.render import print_result, show_text

_MARK = "sessiondb completions"
"""What is in the head of each script, and in the line that reads it: by this they are known again."""

_BASH_COMPLETION = (
    "/usr/share/bash-completion",
    "/usr/local/share/bash-completion",
    "/opt/homebrew/share/bash-completion",
)


class Place(NamedTuple):
    """Where a shell finds its script by itself, or else the file of its own that must read it, and how."""

    script: Path
    reader: Path | None = None
    command: str = "source"


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish", "powershell")))
@click.option("--install", is_flag=True, help="Put the script where the shell finds it.")
def command(shell: str, install: bool) -> None:
    """Print a completion script for your shell.

    It completes commands, options, session ids (with titles), agents, projects, models, tags, and the fields
    of a query. --install writes it where the shell finds it, and adds a line to the shell's startup file if that is
    needed. Installing again updates the script.

    \b
    Example:
      sessiondb completions bash --install
      sessiondb completions zsh > ~/.zsh/sessiondb.zsh
    """
    suffix = "ps1" if shell == "powershell" else shell
    script = (Path(__file__).parent / "shells" / f"sessiondb.{suffix}").read_text(encoding="utf-8")
    if install:
        try:
            _install(_place(shell), script)
        except OSError as error:
            raise click.ClickException(
                f"cannot write {error.filename}: {error.strerror}; print the script without --install, and"
                f" let {shell} read it"
            ) from error
    else:
        show_text(script.rstrip("\n").split("\n"))


def _place(shell: str) -> Place:
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "fish":
        return Place(config / "fish/completions/sessiondb.fish")
    if shell == "bash":
        is_found = any(map(os.path.isdir, _BASH_COMPLETION))
        return Place(data / "bash-completion/completions/sessiondb", None if is_found else home / ".bashrc")
    if shell == "zsh":
        return Place(data / "sessiondb/completions.zsh", Path(os.environ.get("ZDOTDIR") or home) / ".zshrc")
    profile = home / "Documents/PowerShell" if sys.platform == "win32" else config / "powershell"
    return Place(data / "sessiondb/completions.ps1", profile / "profile.ps1", ".")


def _install(place: Place, script: str) -> None:
    """Write the script, and the line that reads it, where they are not there already; say what was done."""
    before = _text(place.script)
    if before and _MARK not in before:
        raise click.ClickException(f"{place.script} is not from sessiondb: move it away first")
    changed = [place.script] if before != script else []
    if changed:
        place.script.parent.mkdir(parents=True, exist_ok=True)
        place.script.write_text(script, encoding="utf-8")
    if place.reader is not None and _MARK not in (startup := _text(place.reader)):
        place.reader.parent.mkdir(parents=True, exist_ok=True)
        end = "" if not startup or startup.endswith("\n") else "\n"
        line = f'{place.command} "{place.script}"  # {_MARK}\n'
        with place.reader.open("a", encoding="utf-8") as file:
            file.write(end + line)
        changed.append(place.reader)
    for path in changed:
        print_result(f"wrote {path}")
    print_result("open a new shell to use it" if changed else f"{place.script} is up to date")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if os.path.exists(path) else ""
