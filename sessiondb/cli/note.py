"""sessiondb note"""

from __future__ import annotations

from typing import Any

import click

from sessiondb.cli.options import (
    complete_sessions,
    completing,
    current_folder,
    database_option,
    json_option,
    one_project,
    output_options,
    project_folder,
    reading,
    say_unknown,
    time_begin,
    time_end,
    with_options,
    writing,
)
from sessiondb.cli.record_fields import NOTES, note_fields, note_rows
from sessiondb.cli.render import print_notice, print_result, show_json, show_rows
from sessiondb.cli.tables import Output
from sessiondb.records.notes import KINDS, STATUSES, Note


def scope_options(function: Any) -> Any:
    """Add --session and --project, where a note belongs."""
    options = (
        click.option(
            "--session",
            metavar="SESSION",
            shell_complete=complete_sessions,
            help="The session that the note belongs to.",
        ),
        click.option(
            "--project",
            metavar="PATH",
            callback=project_folder,
            shell_complete=completing("names", "project"),
            help="The project that the note belongs to: a path, or part of one.",
        ),
    )
    return with_options(function, options)


@click.group()
@database_option
def command() -> None:
    """Take notes for the next session.

    Notes are decisions, failures, wins, follow-ups, questions, workstreams, and summaries. Each belongs to a
    session or a project.
    """


@command.command()
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("text", nargs=-1, required=True)
@scope_options
@click.option("--context", metavar="TEXT", help="What led to it.")
@click.option("--resolution", metavar="TEXT", help="For a failure: what fixed it.")
@click.option("--author", metavar="NAME", help="Who decided or wrote it.")
@click.option("--assignee", metavar="NAME", help="For a follow-up: who will do it.")
@click.option("--due", "due_at", metavar="DATE", help="For a follow-up: when it is due.")
@click.option(
    "--supersedes",
    metavar="ID",
    type=int,
    help="The note that this one replaces. It joins that note's session or project by default.",
)
@json_option
@database_option
def add(
    kind: str, text: tuple[str, ...], session: str | None, project: str | None, as_json: bool, **fields: Any
) -> None:
    """Add a note, by default to the project in the current folder.

    KIND is decision, failure, win, followup, question, workstream, or summary.

    \b
    Example:
      sessiondb note add decision Tests live in tests/ --context "there were two places"
      sessiondb note add followup Write the changelog --due 2026-12-01
      sessiondb note add decision Tests live in spec/ --supersedes 12
    """
    with writing(create=True) as db:
        session_id = db.sessions.resolve(session).id if session else None
        if session_id is None and project is None and fields["supersedes"] is None:
            project = current_folder()
        project = one_project(db, project)
        note = db.notes.add(kind, " ".join(text), session_id=session_id, project=project, **fields)
    instead = "" if note.supersedes is None else f", supersedes note {note.supersedes}"
    show_json(note_fields(note)) if as_json else print_result(
        f"note {note.id}: {note.kind}, {note.project or note.session_id}{instead}"
    )


@command.command("list")
@scope_options
@click.option("--kind", type=click.Choice(KINDS), help="Only notes of this kind.")
@click.option("--status", type=click.Choice(STATUSES), help="Only notes with this status.")
@click.option("--all", "is_all", is_flag=True, help="Include superseded and obsolete notes.")
@click.option("--open/--resolved", "is_open", default=None, help="Only open notes, or only resolved ones.")
@click.option(
    "--since", metavar="TIME", callback=time_begin, help="Only notes written at or after this time."
)
@click.option("--until", metavar="TIME", callback=time_end, help="Only notes written at or before this time.")
@output_options()
@database_option
def list_(
    session: str | None,
    project: str | None,
    output: Output,
    since: str | None,
    until: str | None,
    **where: Any,
) -> None:
    """List notes, newest first, except superseded or obsolete ones.

    \b
    Example:
      sessiondb note list --kind followup --open
      sessiondb note list --all --since 30d
      sessiondb note list --kind decision --since "last week"
      sessiondb note list --project . --json
    """
    is_all = where.pop("is_all")
    is_chosen = where["is_open"] is not None or where["status"] is not None
    if is_all and is_chosen:
        raise click.UsageError("--all lists every status: give it alone, or --status, --open or --resolved.")
    with reading() as db:
        session_id = db.sessions.resolve(session).id if session else None
        projects = (db.projects_named(project) or [project]) if project else [None]
        found = (
            note
            for each in projects
            for note in db.notes.find(session_id=session_id, project=each, **where)
            if (since or "") <= note.created_at and (until is None or note.created_at < until)
        )
        notes = sorted(
            {note.id: note for note in found}.values(), key=lambda note: (note.created_at, note.id)
        )[::-1]
        if project and not notes:
            say_unknown(db, {"project": project})
    if not (is_all or is_chosen):
        every, notes = notes, [note for note in notes if note.status not in ("superseded", "obsolete")]
        if past := len(every) - len(notes):
            print_notice(f"{past} superseded or obsolete, not listed; --all lists them too")
    end = None if output.limit is None else output.offset + output.limit
    show_rows(output, NOTES, note_rows(notes[output.offset : end]), total=len(notes))


def closing_options(function: Any) -> Any:
    """Add what names the notes to change, and says how they came to it."""
    options = (
        click.argument("what", nargs=-1, required=True, metavar="ID|TEXT..."),
        scope_options,
        click.option(
            "--kind",
            type=click.Choice(KINDS),
            default="followup",
            help="The kind of the note. Default: followup.",
        ),
        click.option("--resolution", metavar="TEXT", help="How it was resolved."),
        click.option("--author", metavar="NAME", help="Who says so."),
        click.option("--first", is_flag=True, help="If several match, take the oldest."),
        json_option,
        database_option,
    )
    return with_options(function, options)


@command.command()
@closing_options
def done(**given: Any) -> None:
    """Mark a follow-up as done, by its id or part of its text.

    \b
    Example:
      sessiondb note done 12
      sessiondb note done changelog --resolution "in 0.2"
    """
    _close("done", **given)


@command.command()
@closing_options
def obsolete(**given: Any) -> None:
    """Mark a note as obsolete: it no longer matters.

    Its history is kept, and briefs leave it out.

    \b
    Example:
      sessiondb note obsolete 12 --resolution "the service is gone"
    """
    _close("obsolete", **given)


@command.command()
@click.argument("note_id", metavar="ID", type=int)
@click.option("--author", metavar="NAME", help="Who says so.")
@json_option
@database_option
def reopen(note_id: int, author: str | None, as_json: bool) -> None:
    """Reopen a note that is done, superseded or obsolete.

    \b
    Example:
      sessiondb note reopen 12
    """
    with writing() as db:
        note = db.notes.set_status(note_id, "open", author=author)
    _say(note, as_json)


def _close(
    status: str, what: tuple[str, ...], session: str | None, project: str | None, as_json: bool, **fields: Any
) -> None:
    text = " ".join(what)
    with writing() as db:
        session_id = db.sessions.resolve(session).id if session else None
        which = int(text) if text.isdecimal() else text
        note = db.continuity.complete(
            which, session_id=session_id, project=one_project(db, project), status=status, **fields
        )
    _say(note, as_json)


def _say(note: Note, as_json: bool) -> None:
    show_json(note_fields(note)) if as_json else print_result(f"{note.status}: note {note.id}, {note.body}")
