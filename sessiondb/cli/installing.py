"""What install and uninstall have in common: which agents, the difference, the question, the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sessiondb.chat.text import counted, cut, one_line, visible
from sessiondb.cli.colours import painter
from sessiondb.cli.options import Function, with_options
from sessiondb.cli.render import ask, can_ask, from_home, print_notice, print_result, show_text
from sessiondb.cli.tables import strong

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from sessiondb.agents.install.plan import Change, Plan

_COLUMNS = 500
"""Characters of a line that a difference shows: some settings are one long line."""

_LOOKS = {"+": "added", "-": "taken", "@": "dim"}


class Consent(NamedTuple):
    """How sure the caller of a command is."""

    dry_run: bool
    yes: bool


def consent_options(function: Function) -> Function:
    """Add --dry-run and --yes, as one `consent`."""

    @wraps(function)
    def command(*args: Any, **rest: Any) -> Any:
        return function(*args, consent=Consent(rest.pop("dry_run"), rest.pop("yes")), **rest)

    return with_options(
        command,
        (
            click.option(
                "-n", "--dry-run", is_flag=True, help="Show what would change, without changing it."
            ),
            click.option(
                "-y", "--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal."
            ),
        ),
    )


def agents_argument(function: Function) -> Function:
    """Add AGENT..."""
    return click.argument("agents", nargs=-1, metavar="[AGENT]...", shell_complete=_complete)(function)


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from sessiondb.agents.install.agents import AGENTS

    return [CompletionItem(name) for name in AGENTS if name.startswith(incomplete)]


def chosen(
    agents: Sequence[str], every: bool, found: Sequence[str], verb: str, consent: Consent
) -> list[str]:
    """Return the agents that are meant: those named, or those found where a person agrees to them."""
    if agents and every:
        raise click.UsageError("Give either names of agents or --all.")
    if agents:
        return list(agents)
    if not found:
        raise click.ClickException(_nothing(verb))
    if every:
        return list(found)
    print_notice(f"found: {', '.join(found)}")
    if not can_ask():
        raise click.ClickException(
            f"say which agents: `sessiondb {verb} {found[0]}`, or `sessiondb {verb} --all` for {_all(found)}"
        )
    agreed = [name for name in found if ask(f"{verb.capitalize()} for {name}?")]
    if not agreed:
        raise click.Abort
    return agreed


def _all(found: Sequence[str]) -> str:
    return "it" if len(found) == 1 else f"all {len(found)}"


def _nothing(verb: str) -> str:
    from sessiondb.agents.install.agents import AGENTS

    if verb == "uninstall":
        return "nothing is installed for any agent"
    return f"no agent was found: name one of {', '.join(AGENTS)}, such as `sessiondb install claude-code`"


def settle(plan: Plan, consent: Consent) -> None:
    """Show what is to change, ask if need be, change it, and report. Files that were refused end it with 1."""
    show_text(line for change in plan.changes for line in _difference(change, consent.dry_run))
    for reason in plan.refused:
        print_notice(reason)
    if plan.changes and not consent.dry_run:
        _confirm(plan, consent)
        _carry_out(plan)
    elif plan.changes:
        print_result(f"would change {counted(len(plan.changes), 'file')}")
    untouched = [name for name in plan.agents if not any(change.agent == name for change in plan.changes)]
    for name in untouched:
        if not any(reason.startswith(f"{name}: ") for reason in plan.refused):
            print_result(f"{name}: nothing changes, {_state(plan)}")
    if plan.refused:
        raise click.exceptions.Exit(1)


def _state(plan: Plan) -> str:
    return "nothing is installed" if plan.is_removal else "all of it is installed already"


def _confirm(plan: Plan, consent: Consent) -> None:
    if consent.yes:
        return
    amount = counted(len(plan.changes), "file")
    if not can_ask():
        raise click.ClickException(
            f"{amount} would be changed; confirm with --yes, or look first with --dry-run"
        )
    if not ask(f"Change {amount}?"):
        raise click.Abort


def _carry_out(plan: Plan) -> None:
    from sessiondb.agents.install.plan import carry_out

    for path, done in carry_out(plan):
        print_result(f"{done.partition(';')[0]} {from_home(str(path))}{''.join(done.partition(';')[1:])}")
    for remark in plan.remarks:
        print_notice(remark)


def _difference(change: Change, whole: bool) -> Iterator[str]:
    """Yield the lines of a difference, safe for a terminal and in colours where there are any.

    Files that are ours as a whole are shown by a dry run alone: they would hide what changes in a person's settings.
    """
    path, paint = one_line(from_home(str(change.path))), painter()
    yield strong(f"--- {path if change.before is not None else '(no file)'}")
    yield strong(f"+++ {path if change.after is not None else '(no file)'}")
    lines = change.difference()
    if change.after is None:
        yield paint(f"-  ({counted(len(lines) - 1, 'line')})", "taken")
        return
    if change.is_own and not whole:
        yield paint(f"+  ({counted(len(lines) - 1, 'line')} of our own; --dry-run shows them)", "added")
        return
    for line in lines:
        text = cut(visible(line), _COLUMNS)
        yield paint(text, _LOOKS[line[0]]) if line[:1] in _LOOKS else text
