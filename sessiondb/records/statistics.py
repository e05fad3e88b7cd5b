"""What is in the file, counted."""

from __future__ import annotations

from dataclasses import dataclass

from sessiondb.records.record import Record

GROUPS = ("agent", "project", "platform", "model", "tag", "month", "day", "weekday", "hour", "tool")
"""What can be counted by: up to months sessions, by days, weekdays and hours messages, and the calls of tools."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Status(Record):
    """The state of the database: where it is, how large, what is in it and what waits to be done.

    `bytes` includes the write-ahead log; `free_bytes` is what a vacuum would give back to the disk;
    `pending` counts the rows that cannot be searched yet, by index; `files` counts the imported ones.
    """

    path: str
    bytes: int
    free_bytes: int
    schema: int
    sqlite: str
    journal: str
    sessions: int
    open_sessions: int
    messages: int
    tool_calls: int
    notes: int
    agents: dict[str, int]
    pending: dict[str, int]
    files: int
    last_import_at: str | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Group(Record):
    """What has something in common: sessions, messages or tool calls; `name` is None for those that lack it.

    Of tools also how many calls ended in an error, and the `seconds` that the `timed_calls` took together.
    """

    name: str | None
    sessions: int
    open_sessions: int
    messages: int
    tool_calls: int
    first_at: str
    last_at: str
    errors: int | None = None
    seconds: float | None = None
    timed_calls: int | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stats(Record):
    """Groups of sessions, a page of them; `total` counts the groups on all pages."""

    groups: list[Group]
    total: int
