"""The kinds of settings: what values each takes, from the file and from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

from sessiondb.errors import InvalidInput

T_co = TypeVar("T_co", covariant=True)

_ON, _OFF = ("on", "1", "yes", "true"), ("off", "0", "no", "false")


class Setting(Generic[T_co]):
    """A setting: `key` is its name in the file, `variable` the one of the environment that goes over the file."""

    expects = ""
    """What it takes, in words."""

    example = ""
    """A value for people to see where the default is none."""

    def __init__(self, key: str, default: T_co, about: str, *, variable: str | None = None) -> None:
        self.key = key
        self.default = default
        self.about = about
        self.variable = variable

    def checked(self, value: object) -> T_co:
        """Return a value as this setting has it. Raises ValueError or TypeError for one that it does not take."""
        raise NotImplementedError

    def read(self, text: str) -> T_co:
        """Return the value that a text of the environment stands for. Raises as `checked` does."""
        return self.checked(text)

    def from_file(self, value: object, folder: Path) -> T_co:
        """Return a value of the file that lies in `folder`. Raises InvalidInput."""
        try:
            return self.checked(value)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{self.key} must be {self.expects}, not {_shown(value)}") from error

    def given(self) -> tuple[T_co, str] | None:
        """Return the value in the environment and its source, None where it has none. Raises InvalidInput."""
        text = os.environ.get(self.variable) if self.variable else None
        if not text:
            return None
        try:
            return self.read(text), f"${self.variable}"
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"${self.variable} must be {self.expects}, not {_shown(text)}") from error


def _shown(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


class Switch(Setting[bool]):
    """On or off."""

    expects = "true or false"

    def checked(self, value: object) -> bool:
        """Return true or false."""
        if not isinstance(value, bool):
            raise TypeError
        return value

    def read(self, text: str) -> bool:
        """Return what a word says: on, off, yes, no, 1, 0, true or false."""
        if text.lower() not in _ON + _OFF:
            raise ValueError
        return text.lower() in _ON


class Number(Setting[int]):
    """A whole number from 0 on."""

    expects = "a whole number, 0 or more"

    def checked(self, value: object) -> int:
        """Return the number."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError
        if value < 0:
            raise ValueError
        return value

    def read(self, text: str) -> int:
        """Return the number that a text is."""
        return self.checked(int(text))


class Seconds(Setting[float]):
    """A span of time."""

    expects = "seconds from 0 to 3600"

    def checked(self, value: object) -> float:
        """Return the seconds."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise TypeError
        if not 0 <= value <= 3600:
            raise ValueError
        return float(value)


class Choice(Setting[str]):
    """One of a few words."""

    def __init__(
        self, key: str, default: str, about: str, *, choices: tuple[str, ...], variable: str | None = None
    ) -> None:
        super().__init__(key, default, about, variable=variable)
        self.choices = choices
        self.expects = f"{', '.join(choices[:-1])} or {choices[-1]}"

    def checked(self, value: object) -> str:
        """Return the word."""
        if value not in self.choices:
            raise ValueError
        return str(value)


class Color(Choice):
    """When to print in colours, by the variables that programs share: NO_COLOR (no-color.org) goes first, then
    FORCE_COLOR and CLICOLOR_FORCE, then CLICOLOR=0 (bixense.com/clicolors).
    """

    def __init__(self, key: str, default: str, about: str) -> None:
        super().__init__(key, default, about, choices=("auto", "always", "never"))

    def given(self) -> tuple[str, str] | None:
        """Return the word that a variable stands for, and the variable."""
        environment: Mapping[str, str] = os.environ
        if environment.get("NO_COLOR"):
            return "never", "$NO_COLOR"
        for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
            if environment.get(name, "0") not in ("", "0"):
                return "always", f"${name}"
        return ("never", "$CLICOLOR") if environment.get("CLICOLOR") == "0" else None


class Texts(Setting["tuple[str, ...]"]):
    """A list of texts."""

    expects = 'a list of texts, such as ["~/private"]'

    def checked(self, value: object) -> tuple[str, ...]:
        """Return the texts."""
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise TypeError
        return tuple(value)


class Folders(Texts):
    """Paths of folders; in the file of settings they may be relative to its own."""

    expects = 'a list of folders, such as ["~/private"]'

    def from_file(self, value: object, folder: Path) -> tuple[str, ...]:
        """Return the paths, absolute."""
        found = super().from_file(value, folder)
        return tuple(os.path.abspath(os.path.join(folder, os.path.expanduser(path))) for path in found)


class FilePath(Setting["str | None"]):
    """The path of a file; in the file of settings it may be relative to its folder."""

    expects = "a path, as text"
    example = "~/path/to/file"

    def checked(self, value: object) -> str:
        """Return the path."""
        if not isinstance(value, str):
            raise TypeError
        if not value or "\0" in value:
            raise ValueError
        return os.path.expanduser(value)

    def from_file(self, value: object, folder: Path) -> str:
        """Return the path, absolute."""
        return os.path.join(folder, super().from_file(value, folder) or "")


class Zone(Setting["str | None"]):
    """A time zone. That of the environment is the system's to understand."""

    expects = "a time zone such as Europe/Berlin, +02:00, UTC or local"
    example = "Europe/Berlin"

    def checked(self, value: object) -> str:
        """Return the name."""
        from sessiondb import timestamps

        if not isinstance(value, str):
            raise TypeError
        try:
            timestamps.zone(value)
        except InvalidInput as error:
            raise ValueError from error
        return value

    def read(self, text: str) -> str:
        """Return the text as it is."""
        return text
