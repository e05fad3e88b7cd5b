"""The one way by which values go to SQLite: text is cleaned, what cannot be stored is refused in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sessiondb.chat.text import clean_text
from sessiondb.errors import InvalidInput

Parameters = Sequence[Any] | dict[str, Any]

_GREATEST = 2**63 - 1
_TYPES = (str, int, float, type(None))


def bindable(parameters: Parameters) -> Parameters:
    """Return the parameters of a statement with U+FFFD for each NUL, at which many tools end a text."""
    values: Iterable[Any] = parameters.values() if isinstance(parameters, dict) else parameters
    for value in values:
        if type(value) is str and "\0" in value:
            return cleaned(parameters)
    return parameters


def cleaned(parameters: Parameters) -> Parameters:
    """Return the parameters with clean text throughout: lone surrogates cannot be stored either."""
    if isinstance(parameters, Mapping):
        return {name: _clean(value) for name, value in parameters.items()}
    return [_clean(value) for value in parameters]


def too_large() -> InvalidInput:
    """Return the error for a number that SQLite cannot take."""
    return InvalidInput(f"a number is too large to be stored: the greatest is {_GREATEST:,}")


def refusal(parameters: Any) -> InvalidInput | None:
    """Return the error for the value that a statement failed of; None where none is of a wrong type."""
    if not isinstance(parameters, list | tuple | dict):
        return None
    for value in parameters.values() if isinstance(parameters, dict) else parameters:
        if not isinstance(value, _TYPES):
            return InvalidInput(f"cannot store {type(value).__name__} {value!r:.60}: give text or a number")
    return None


def _clean(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value
