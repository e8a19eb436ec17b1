"""The options that select dead letters, for every command that has them."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

from ops.aws import Account
from ops.commands.dead_letters import reports
from ops.commands.group import connect
from ops.commands.options import (
    DryRun,
    Every,
    KeyGlobs,
    Kinds,
    Messages,
    NewerThan,
    OlderThan,
    OutputsFile,
    Reasons,
    StackName,
    Versions,
    Yes,
)
from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.dead_letters.messages import DeadLetter, Kind, Selection, distinct
from ops.terminal import instants, screen
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
        reason: Reasons = None,
        kind: Kinds = None,
        older_than: OlderThan = None,
        newer_than: NewerThan = None,
        dry_run: DryRun = False,
        yes: Yes = False,
        **own: Any,
    ) -> None:
        selection = choose(
            keys=key,
            versions=version,
            messages=message,
            reasons=reason,
            kinds=kind,
            older_than=older_than,
            newer_than=newer_than,
        )
        _check_choice(selection, every=every)
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


def choose(
    *,
    keys: Iterable[str] | None,
    versions: Iterable[str] | None,
    messages: Iterable[str] | None,
    reasons: Iterable[str] | None,
    kinds: Iterable[Kind] | None,
    older_than: str | None,
    newer_than: str | None,
) -> Selection:
    """Return what the options select: every dead letter if none is given.

    Raises UsageError for an age that cannot be read.
    """
    now = instants.now()
    older = instants.parse_duration(older_than, "--older-than") if older_than else None
    newer = instants.parse_duration(newer_than, "--newer-than") if newer_than else None
    return Selection(
        globs=tuple(keys or ()),
        versions=tuple(versions or ()),
        messages=tuple(messages or ()),
        reasons=tuple(reasons or ()),
        kinds=tuple(kinds or ()),
        sent_before=None if older is None else now - older,
        sent_after=None if newer is None else now - newer,
    )


def _check_choice(selection: Selection, *, every: bool) -> None:
    if every != selection.every:
        msg = (
            "which dead letters? allowed: --all alone, or any of --key, --version, --message, "
            "--reason, --kind, --older-than and --newer-than"
        )
        raise UsageError(msg)


def _select(account: Account, selection: Selection) -> list[DeadLetter]:
    """Return the selected dead letters, after listing them on the screen.

    Raises OperatorError if there are none, except for --all on empty queues.
    """
    with screen.working("reading dead letters"):
        in_flight = listing.in_flight(account)
        selected = listing.peek(account, wanted=selection)
    reports.in_flight(in_flight)
    if selected:
        reports.dead_letters(Logs(account), distinct(selected))
    elif selection.every and not any(in_flight.values()):
        screen.say("no dead letters")
    else:
        msg = "no dead letter is selected; `failures` lists what there is"
        raise OperatorError(msg)
    return selected
