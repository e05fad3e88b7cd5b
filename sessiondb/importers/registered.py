"""The importers that installed distributions register, ours among them: entry-point group `sessiondb.importers`."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from sessiondb.importers.base import Importer

GROUP = "sessiondb.importers"


class Registered(NamedTuple):
    """The importers of the group, in the order of their names, and in words why others cannot be used."""

    importers: tuple[Importer, ...]
    refused: tuple[str, ...]


def registered(taken: Collection[str]) -> Registered:
    """Load the group's entry points; one that cannot be used costs no other.

    `taken` are the names of formats that there are already. Takes milliseconds: every installed distribution
    is looked into.
    """
    importers: dict[str, Importer] = {}
    refused: list[str] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        try:
            found = entry.load()
        except (Exception, SystemExit) as error:  # anybody's code
            refused.append(_refusal(entry, f"loading it failed with {type(error).__name__}: {error}"))
            continue
        lack = _lack(found, (*taken, *importers))
        if lack:
            refused.append(_refusal(entry, lack))
        else:
            importers[found.name] = cast("Importer", found)
    return Registered(tuple(importers.values()), tuple(refused))


def _lack(found: Any, taken: Collection[str]) -> str | None:
    """Return why an object is no importer, None for one that is."""
    for attribute, kind in (("name", str), ("version", int)):
        if not isinstance(getattr(found, attribute, None), kind):
            return f"it has no `{attribute}` of type {kind.__name__}"
    for attribute in ("sniff", "read"):
        if not callable(getattr(found, attribute, None)):
            return f"it has no function `{attribute}`"
    return f"there is another importer of the name {found.name!r}" if found.name in taken else None


def _refusal(entry: EntryPoint, reason: str) -> str:
    owner = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
    package = entry.dist.name if entry.dist else "it"
    return (
        f"the importer {entry.name!r} ({entry.value}) of {owner} is left out, the others work: {reason}."
        f" Update or uninstall {package}; if it is yours, see sessiondb/importers/base.py for what it needs"
    )
