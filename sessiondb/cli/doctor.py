"""sessiondb doctor"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessiondb.cli.agent_logs import log_fields, log_lines, logs_found
from sessiondb.cli.agents_health import agents_fields, agents_findings, agents_health, show_agents
from sessiondb.cli.options import database_option, json_option, reading, writing
from sessiondb.cli.record_fields import fields_of
from sessiondb.cli.render import print_result, show_json

if TYPE_CHECKING:
    from sessiondb.records import Finding


@click.command()
@click.option("--fix", is_flag=True, help="Repair what can be repaired.")
@json_option
@database_option
def command(fix: bool, as_json: bool) -> None:
    """Check the database for problems, and repair them.

    Checks pages, schema, references, counters, search indexes, and file permissions; whether what `install` added to
    agents' settings starts and uses this database, and when hooks were last called. Also shows how long agents keep
    their logs, which ones they will delete within a week, and which sessions are lost or exist only here. The exit
    code is 1 if there are problems, or with --fix if any are left.

    \b
    Example:
      sessiondb doctor
      sessiondb doctor --fix
    """
    found, left = _examine(fix)
    agents = agents_health()
    broken = agents_findings(agents)
    found, left = found + broken, left + broken
    logs = logs_found()
    if as_json:
        report = {"found": found, "left": left}
        findings = {name: [fields_of(finding) for finding in findings] for name, findings in report.items()}
        show_json(findings | {"agents": agents_fields(agents)} | log_fields(logs))
    else:
        show_agents(agents)
        for name, line in log_lines(logs):
            print_result(line if name else f"  {line}")
        for finding in dict.fromkeys(found + left):
            state = "" if not fix else " (not repaired)" if finding in left else " (repaired)"
            print_result(f"{finding.check}: {finding.problem}{state}")
        print_result(_verdict(len(found), len(left), any(finding.can_repair for finding in left)))
    if left:
        raise click.exceptions.Exit(1)


def _examine(fix: bool) -> tuple[list[Finding], list[Finding]]:
    """Return what is wrong, and what is left of that at the end."""
    from sessiondb.errors import DatabaseDamaged
    from sessiondb.records import Finding

    try:
        # To check an index is to write to it. A file that must be migrated first is refused by reading().
        with reading(quiet=True) as db:
            if db.newer_schema is not None:
                return (found := db.check()), found
        with writing() as db:
            found = db.check()
            return found, db.repair() if fix and found else found
    except DatabaseDamaged as damage:
        # So bad that it cannot even be opened, or not be repaired.
        finding = Finding.beyond_repair(damage.__cause__ or damage)
        return [finding], [finding]


def _verdict(found: int, left: int, can_repair: bool) -> str:
    if not left:
        return "no problems found" if not found else "all problems were repaired"
    return (
        "`sessiondb doctor --fix` repairs what can be repaired"
        if can_repair
        else "what is left cannot be repaired automatically"
    )
