"""The options that select dead letters, for every command that has them."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from ops.aws import Account
from ops.commands.dead_letters import reports
from ops.commands.group import connect
from ops.commands.options import (
    DryRun,
    Every,
    KeyGlobs,
    Messages,
    OutputsFile,
    StackName,
    Versions,
    Yes,
)
from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.dead_letters.messages import DeadLetter, Selection, distinct
from ops.terminal import screen
from ops.terminal.problems import OperatorError, UsageError

# --dry-run and --yes come last in a help, after the command's own options.
_LAST_OPTIONS: Final = 2


@dataclass(frozen=True, kw_only=True)
class Selected:
    """What the options of a command say: a stack's dead letters, and whether to ask or to act."""

    account: Account
    dead_letters: list[DeadLetter]
    dry_run: bool
    yes: bool


def selecting(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that select dead letters, beside its own.

    The command is called with a `Selected` as its first argument, after the selected dead letters
    have been listed on the screen. Its own options must be keyword-only.
    """

    def run(
        *,
        stack: StackName = None,
        outputs: OutputsFile = None,
        every: Every = False,
        key: KeyGlobs = None,
        version: Versions = None,
        message: Messages = None,
        dry_run: DryRun = False,
        yes: Yes = False,
        **own: Any,
    ) -> None:
        selection = _selection(every, key or [], version or [], message or [])
        account = connect(stack, outputs)
        dead_letters = _select(account, selection)
        command(
            Selected(account=account, dead_letters=dead_letters, dry_run=dry_run, yes=yes), **own
        )

    # Typer takes the options from the signature, and the help from the docstring.
    _, *own = inspect.signature(command).parameters.values()
    *shared, _ = inspect.signature(run).parameters.values()
    options = [*shared[:-_LAST_OPTIONS], *own, *shared[-_LAST_OPTIONS:]]
    cast("Any", run).__signature__ = inspect.Signature(options)
    run.__doc__ = command.__doc__
    return run


def _selection(
    every: bool,  # noqa: FBT001 - the options in their order
    keys: list[str],
    versions: list[str],
    messages: list[str],
) -> Selection:
    if every == bool(keys or versions or messages):
        msg = "which dead letters? allowed: --all alone, or any of --key, --version, --message"
        raise UsageError(msg)
    return Selection(
        every=every, globs=tuple(keys), versions=tuple(versions), messages=tuple(messages)
    )


def _select(account: Account, selection: Selection) -> list[DeadLetter]:
    """Return the selected dead letters, after listing them on the screen.

    Raises OperatorError if there are none, except for --all on empty queues.
    """
    with screen.working("reading dead letters"):
        in_flight = listing.in_flight(account)
        selected = [one for one in listing.peek(account) if one in selection]
    reports.in_flight(in_flight)
    if selected:
        reports.dead_letters(Logs(account), distinct(selected))
    elif selection.every and not any(in_flight.values()):
        screen.say("no dead letters")
    else:
        msg = "no dead letter is selected; `failures` lists what there is"
        raise OperatorError(msg)
    return selected
