"""The file of settings, TOML: read once a process, and refused in words that name its line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessiondb.errors import InvalidInput
from sessiondb.settings.paths import settings_file

if TYPE_CHECKING:
    from sessiondb.settings.kinds import Setting

# Compiled when a file is refused: most commands find none.
_HEADER = r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?"
_KEY = r"""\s*([\w"'.\s-]+?)\s*="""


def stored() -> Mapping[str, Any]:
    """Return what the file has, by the keys of settings; nothing where there is no file.

    Raises InvalidInput for a file that cannot be read, or has what no setting takes.
    """
    return _read(settings_file())


@cache
def _read(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        import os

        if os.environ.get("SESSIONDB_CONFIG"):
            raise InvalidInput(f"$SESSIONDB_CONFIG names {path}, which is not there") from error
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read the settings in {path}: {_reason(error)}") from error
    return checked(text, path)


def forget() -> None:
    """Read the file again when a setting is asked for next."""
    _read.cache_clear()


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)


def checked(text: str, path: Path) -> Mapping[str, Any]:
    """Return the settings in the text of a file, by their keys. Raises InvalidInput, with the line at fault."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    from sessiondb.settings.table import SETTINGS

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"cannot use the settings in {path}: {error}") from error
    settings = {setting.key: setting for setting in SETTINGS}
    values = {}
    for key, value in _flat(tables, frozenset(key.partition(".")[0] for key in settings if "." in key)):
        if key not in settings:
            raise _refused(path, text, key, f"there is no setting {key}{_near(key, settings)}")
        try:
            values[key] = settings[key].from_file(value, path.parent)
        except InvalidInput as error:
            raise _refused(path, text, key, str(error)) from error
    return values


def _flat(tables: Mapping[str, Any], groups: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for name, value in tables.items():
        if name in groups and isinstance(value, dict):
            yield from ((f"{name}.{inner}", item) for inner, item in value.items())
        else:
            yield name, value


def _refused(path: Path, text: str, key: str, reason: str) -> InvalidInput:
    number = _line_of(text, key)
    place = f", line {number}" if number else ""
    return InvalidInput(f"cannot use the settings in {path}{place}: {reason}")


def _near(key: str, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches

    # People forget the table: its own part of a name is compared too.
    ends = {name.rpartition(".")[2]: name for name in known}
    near = get_close_matches(key, known, 1) or [
        ends[end] for end in get_close_matches(key.rpartition(".")[2], ends, 1)
    ]
    return f"; did you mean {near[0]}?" if near else "; `sessiondb config show` lists them"


def _line_of(text: str, key: str) -> int | None:
    """Return the number of the line that sets a key or begins its table, None where the text hides it."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.fullmatch(_HEADER, line):
            table = f"{_bare(header[1])}."
            if table == f"{key}.":
                return number
        elif (found := re.match(_KEY, line)) and f"{table}{_bare(found[1])}" == key:
            return number
    return None


def _bare(name: str) -> str:
    return re.sub(r"[\"'\s]", "", name)


def template() -> str:
    """Return a file that sets nothing yet: every setting with its default, commented out."""
    from sessiondb.settings.table import SETTINGS

    lines = ["# Settings of sessiondb. Take the # away from a line to set it."]
    table = ""
    for setting in SETTINGS:
        group, _, name = setting.key.rpartition(".")
        if group != table:
            table = group
            lines += ["", f"[{group}]"]
        lines += ["", f"# {setting.about}", f"# {name} = {_toml(setting)}"]
    return "\n".join(lines) + "\n"


def _toml(setting: Setting[object]) -> str:
    import json

    value = setting.example if setting.default is None else setting.default
    return json.dumps(value, ensure_ascii=False)
