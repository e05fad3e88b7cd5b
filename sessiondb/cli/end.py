"""sessiondb end"""

from __future__ import annotations

import click

from sessiondb.cli.options import database_option, json_option, sessions_argument, time_begin, writing
from sessiondb.cli.render import print_result, show_json


@click.command()
@sessions_argument(required=False)
@click.option("--reason", metavar="REASON", help="Why they ended. An earlier reason is kept.")
@click.option(
    "--stale",
    metavar="AGE",
    callback=time_begin,
    help="End every session that has been inactive for this long, as of its last activity.",
)
@json_option
@database_option
def command(sessions: tuple[str, ...], reason: str | None, stale: str | None, as_json: bool) -> None:
    """End sessions.

    An ended session takes no more messages, and prune may remove it.

    \b
    Example:
      sessiondb end 5b0d7c1e --reason done
      sessiondb end --stale 30d
    """
    if bool(sessions) == bool(stale):
        raise click.UsageError("Give either the sessions to end or --stale AGE.")
    with writing() as db:
        named = [db.sessions.resolve(name).id for name in dict.fromkeys(sessions)]
        ended = (
            db.sessions.end_stale(stale, reason or "stale")
            if stale
            else db.sessions.end(named, reason or "ended")
        )
    already = [id for id in dict.fromkeys(named) if id not in ended]
    if as_json:
        show_json({"ended": ended, "already_ended": already})
        return
    for id in ended:
        print_result(f"ended {id}")
    for id in already:
        print_result(f"{id} had already ended")
    if not ended and not already:
        print_result("no open session has been inactive for that long")
