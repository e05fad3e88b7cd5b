"""What doctor and status say of the logs of agents: how long they are kept, which go soon, what is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.text import counted
from sessiondb.cli.options import reading
from sessiondb.cli.render import from_home

if TYPE_CHECKING:
    from sessiondb.retention import LogReport, Lost, Retention


def logs_found() -> LogReport:
    """Return what there is to say, nothing where the database cannot be read: doctor has said why."""
    from sessiondb.errors import SessionDBError
    from sessiondb.retention import LogReport, log_report

    try:
        with reading() as db:
            return log_report(db)
    except SessionDBError:
        return LogReport()


def log_lines(report: LogReport) -> Iterator[tuple[str, str]]:
    """Yield what there is to say, each line with what it is about; further lines on the same have ""."""
    for number, kept in enumerate(report.retention):
        yield "" if number else "logs", _about(kept, is_complete=report.is_complete)
        rule = kept.rule
        if rule.problem:
            yield "", from_home_in(rule.problem, str(rule.file))
        if rule.days is not None or rule.max_count is not None:
            yield "", f"to keep them: {rule.change} in {from_home(str(rule.file))}"
        if rule.note:
            yield "", rule.note
    if report.only_copies:
        verb = "exists" if report.only_copies == 1 else "exist"
        yield (
            "only here",
            f"{counted(report.only_copies, 'session')} {verb} nowhere else any more: the log is gone",
        )
    if report.unreachable:
        yield (
            "unreachable",
            f"{counted(report.unreachable, 'session')} whose log cannot be looked for: its folder is not there",
        )
    for lost in report.lost:
        yield "lost", _lost(lost)


def log_fields(report: LogReport) -> dict[str, Any]:
    """Return what JSON gives of the report, {} where there is nothing to say."""
    if not (report.retention or report.only_copies or report.unreachable or report.lost):
        return {}
    retention = [
        {
            **kept.rule._asdict(),
            "file": str(kept.rule.file),
            "logs": kept.logs,
            "vanishing": kept.vanishing,
            "not_imported": kept.not_imported,
        }
        for kept in report.retention
    ]
    lost = [
        {"agent": one.agent, "sessions": one.sessions, "folders": one.folders, "prompts": one.prompts}
        for one in report.lost
    ]
    return {
        "logs": {
            "retention": retention,
            "only_copies": report.only_copies,
            "unreachable": report.unreachable,
            "lost": lost,
            "is_complete": report.is_complete,
        }
    }


def from_home_in(text: str, path: str) -> str:
    """Return a text with ~ for the home folder in a path that it names."""
    return text.replace(path, from_home(path))


def _about(kept: Retention, *, is_complete: bool) -> str:
    rule = kept.rule
    most = f"keeps {rule.max_count:,} sessions at most" if rule.max_count is not None else ""
    if rule.days is None:
        if most:
            return f"{rule.agent} {most} ({rule.setting})"
        if rule.problem:
            return f"{rule.agent}: how long it keeps its logs is not known"
        return f"{rule.agent} keeps its logs ({rule.setting})"
    default = ", the default" if rule.is_default else ""
    also = f" and {most}" if most else ""
    least = "" if is_complete else "at least "
    vanishing = f"{least}{kept.vanishing:,}" if kept.vanishing else "none"
    verb = "vanishes" if kept.vanishing <= 1 else "vanish"
    missing = (
        f", {kept.not_imported:,} of them not imported: `sessiondb import auto`" if kept.not_imported else ""
    )
    return (
        f"{rule.agent} deletes logs after {_days(rule.days)}{also} ({rule.setting}{default}):"
        f" {vanishing} of {kept.logs:,} {verb} within a week{missing}"
    )


def _days(days: float) -> str:
    return counted(int(days), "day") if days == int(days) else counted(round(days * 24), "hour")


def _lost(lost: Lost) -> str:
    signs = [
        f"{counted(lost.folders, 'folder')} without a log" if lost.folders else "",
        f"{counted(lost.prompts, 'session')} in the history of prompts that no log has"
        if lost.prompts
        else "",
    ]
    return (
        f"{counted(lost.sessions, 'session')} of {lost.agent} {'was' if lost.sessions == 1 else 'were'} gone before the"
        f" first import: {', '.join(filter(None, signs))}"
    )
