"""How long agents keep their logs, which vanish soon, and what is lost or left here alone.

Agents delete their logs by settings of their own. This room reads those, looks at the files that they are about, and
compares them with the database. It only looks, and only so far as Budget allows.
"""

from __future__ import annotations

from sessiondb.agents.retention.report import LogReport, Lost, Retention, log_report

__all__ = ["LogReport", "Lost", "Retention", "log_report"]
