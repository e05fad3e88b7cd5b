"""What all records have in common."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any, ClassVar


class Record:
    """A frozen dataclass, compared, hashed and shown as any is.

    Python compiles these methods anew for each dataclass. For the few that `list` needs that is a thirtieth of its
    time, so they are here, once for all, and the classes are made without (`eq=False, repr=False`).
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr
        )
        return f"{type(self).__qualname__}({shown})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields(self) if field.compare)
