"""What doctor and status say of the logs of agents: how long they are kept, which go soon, what is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.chat.text import counted
from sessiondb.cli.options import reading
from sessiondb.cli.render import from_home

if TYPE_CHECKING:
    from sessiondb.agents.retention import LogReport, Lost, Retention
    from sessiondb.agents.retention.rules import Rule


def logs_found() -> LogReport:
    """Return what there is to say, nothing where the database cannot be read: doctor has said why."""
    from sessiondb.agents.retention import LogReport, log_report
    from sessiondb.errors import SessionDBError

    try:
        with reading(quiet=True) as db:
            return log_report(db)
    except SessionDBError:
        return LogReport()


def log_lines(report: LogReport) -> Iterator[tuple[str, str]]:
    """Yield what there is to say, each line with what it is about; further lines on the same have ""."""
    for kept in report.retention:
        rule = kept.rule
        yield "logs", _rule(rule)
        if rule.problem:
            yield "", rule.problem.replace(str(rule.file), from_home(str(rule.file)))
        if rule.days is not None:
            yield "", _vanishing(kept, is_complete=report.is_complete)
        if rule.days is not None or rule.max_count is not None:
            yield "", f"to keep them: {rule.change} in {from_home(str(rule.file))}"
        if rule.note:
            yield "", rule.note
    if report.only_copies:
        verb = "exists" if report.only_copies == 1 else "exist"
        yield (
            "only here",
            f"{counted(report.only_copies, 'session')} {verb} only in this database: the log is gone",
        )
    if report.unreachable:
        sessions = counted(report.unreachable, "session")
        yield "unreachable", f"{sessions} whose log cannot be looked for: its folder is not there"
    for lost in report.lost:
        sessions = counted(lost.sessions, "session")
        yield "lost", f"{sessions} of {lost.agent}, gone before the first import, as traces show:"
        yield "", _traces(lost)


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


def _rule(rule: Rule) -> str:
    most = f"keeps {rule.max_count:,} sessions at most" if rule.max_count is not None else ""
    if rule.days is None:
        if rule.problem:
            return f"{rule.agent}: how long it keeps logs is not known"
        return f"{rule.agent} {most or 'keeps its logs'} ({rule.setting})"
    default = ", default" if rule.is_default else ""
    also = f" and {most}" if most else ""
    return f"{rule.agent} deletes logs after {_days(rule.days)}{also} ({rule.setting}{default})"


def _vanishing(kept: Retention, *, is_complete: bool) -> str:
    logs = counted(kept.logs, "log")
    least = "" if is_complete else "at least "
    if not kept.vanishing:
        return f"none of {least}{logs} will be deleted within a week"
    missing = f", {kept.not_imported:,} not imported: `sessiondb import auto`" if kept.not_imported else ""
    return f"{least}{kept.vanishing:,} of {logs} will be deleted within a week{missing}"


def _days(days: float) -> str:
    return counted(int(days), "day") if days == int(days) else counted(round(days * 24), "hour")


def _traces(lost: Lost) -> str:
    signs = (
        f"{counted(lost.folders, 'folder')} without a log" if lost.folders else "",
        f"{counted(lost.prompts, 'session')} in the history of prompts" if lost.prompts else "",
    )
    return ", ".join(filter(None, signs))
