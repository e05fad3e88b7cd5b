"""What an import did, in words: what came in, what was left out and why, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from sessiondb.chat.text import counted
from sessiondb.cli.render import from_home, is_watched, print_notice, show_text

if TYPE_CHECKING:
    from sessiondb.records import ImportReport, Skipped

SHOWN = 10
"""Files that a terminal lists as not imported, or lines of them."""
_NUMBERS = 5
"""Lines of one file that a terminal names."""
_ALL = "`sessiondb status --problems` lists them"


def show_report(report: ImportReport) -> None:
    """Print what an import did, or would do; what it left out goes to stderr."""
    show_text(_brought(report))
    _print_left_out(report)
    for entry in report.unfilled:
        print_notice(
            f"{entry.format}: {counted(entry.logs, 'log')} read by an earlier version"
            f" {'is' if entry.logs == 1 else 'are'} gone: {counted(entry.sessions, 'session')} with"
            f" {counted(entry.responses, 'response')} lack what this version would read besides"
        )
    if is_watched() and _is_first(report):
        print_notice("next: `sessiondb list`, `sessiondb search WORDS`, `sessiondb show @last`")


def amount(skipped: Iterable[Skipped]) -> str:
    """Return how many files and lines were left out: "1 file and 3 lines"."""
    lines = [one.line is not None for one in skipped]
    counts = ((len(lines) - sum(lines), "file"), (sum(lines), "line"))
    return " and ".join(counted(number, noun) for number, noun in counts if number) or "nothing"


def _brought(report: ImportReport) -> Iterator[str]:
    if report.dry_run:
        yield "dry run, nothing was written. An import would do this:"
    yield f"{counted(report.files, 'file')} in {report.seconds:.1f} s"
    if not report.files:
        return
    added, updated = len(report.sessions_added), len(report.sessions_updated)
    yield f"sessions: {added:,} added, {updated:,} updated, {report.sessions_unchanged:,} unchanged"
    yield from _by_agent(report)
    others = report.messages_added - report.talk_added
    besides = f", plus {counted(others, 'entry', 'entries')} of tools and the system" if others else ""
    yield f"messages: {report.talk_added:,} added{besides}"


def _by_agent(report: ImportReport) -> Iterator[str]:
    """Yield a line for each agent. Of one alone, the line above says it all."""
    agents = sorted(report.added_by_agent | report.updated_by_agent)
    counts = ((report.added_by_agent, "added"), (report.updated_by_agent, "updated"))
    width, digits = (
        max(map(len, agents), default=0),
        len(f"{max(report.added_by_agent.values(), default=0):,}"),
    )
    for agent in agents if len(agents) > 1 else ():
        found = ", ".join(f"{by[agent]:>{digits},} {what}" for by, what in counts if by.get(agent))
        yield f"  {agent:<{width}}  {found}"


def _is_first(report: ImportReport) -> bool:
    others = report.sessions_updated or report.sessions_unchanged
    return bool(report.sessions_added) and not others and not report.dry_run


def _print_left_out(report: ImportReport) -> None:
    """Say what was not imported: by reason, on a terminal the first few, for nobody reads a thousand there."""
    found, known = report.skipped[report.known :], report.skipped[: report.known]
    if found:
        print_notice(f"not imported: {amount(found)}")
    if is_watched():
        _print_by_reason(found)
    else:
        for skipped in found:
            print_notice(f"  {from_home(str(skipped))}", whole=True)
    if known:
        print_notice(f"not imported, as before: {amount(known)}; {_ALL}")


def _print_by_reason(found: list[Skipped]) -> None:
    """Print each reason once, below it the files that it is about, each once with its lines."""
    reasons: dict[str, dict[str, list[int]]] = {}
    for skipped in found:
        lines = reasons.setdefault(skipped.reason, {}).setdefault(skipped.path, [])
        lines += [skipped.line] if skipped.line is not None else []
    files = [(reason, path, lines) for reason, paths in reasons.items() for path, lines in paths.items()]
    for reason, some in groupby(files[:SHOWN], key=lambda file: file[0]):
        print_notice(f"  {reason.removeprefix('is ')}:")
        for _, path, lines in some:
            print_notice(f"    {from_home(path)}{_numbers(lines)}", whole=True)
    if len(files) > SHOWN:
        print_notice(f"  {len(files) - SHOWN:,} more; {_ALL} all")


def _numbers(lines: list[int]) -> str:
    """Return which lines of a file are meant, "" for the whole of it."""
    if not lines:
        return ""
    more = f" and {len(lines) - _NUMBERS:,} more" if len(lines) > _NUMBERS else ""
    return f", line{'s' * (len(lines) > 1)} {', '.join(map(str, lines[:_NUMBERS]))}{more}"
