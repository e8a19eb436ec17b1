"""Restore archived outputs: find out what each needs, have it retrieved, and bring it back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from time import sleep
from typing import Final

from handlers.bundles.entries import BundleError
from ops import aws
from ops.archive import archived_outputs, pieces, retrievals, selection
from ops.archive.archived_outputs import ArchivedOutput, Root
from ops.archive.pieces import Piece
from ops.archive.retrievals import Tier
from ops.archive.selection import Selection
from ops.archive.targets import Target
from ops.aws import Account
from ops.files import workers
from ops.files.bundles.listings import Access
from ops.terminal.problems import OperatorError

_HEADS_AT_ONCE: Final = 16
_REQUESTS_AT_ONCE: Final = 16
_COPIES_AT_ONCE: Final = 8
# A wait of hours outlives a network that is gone for some minutes.
_FAILED_LOOKS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a restore has to do, by what each output needs; `problems` are told by key.

    Among what is cold or under way may be bundles of which nobody knows yet what they hold.
    """

    there: Sequence[ArchivedOutput] = ()
    readable: Sequence[ArchivedOutput] = ()
    under_way: Sequence[ArchivedOutput] = ()
    cold: Sequence[ArchivedOutput] = ()
    problems: Mapping[str, str] = field(default_factory=dict[str, str])

    def without_asking(self) -> "Plan":
        """Return the plan in which what is not retrieved is a problem instead of a request."""
        asked = "not asked for: run the command without --resume"
        problems = {**self.problems, **{output.key: asked for output in self.cold}}
        return replace(self, cold=(), problems=problems)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the work on one output ended: with what was done, or with a problem."""

    output: ArchivedOutput
    done: str = ""
    problem: str | None = None


def plan(account: Account, selected: Selection, target: Target) -> Plan:
    """Return what it takes to restore the selected outputs; nothing is changed."""
    found = archived_outputs.look(account, selected.roots)
    problems = {**selected.problems, **dict(_absences(account, selected, found))}

    def check(output: ArchivedOutput) -> str:
        return "there" if target.holds(output) else ""

    there: list[ArchivedOutput] = []
    waiting: list[ArchivedOutput] = []
    for outcome in _each(check, list(found.outputs.values()), at_once=_HEADS_AT_ONCE):
        if outcome.problem is not None:
            problems[outcome.output.key] = outcome.problem
        else:
            (there if outcome.done else waiting).append(outcome.output)
    cold = {one.key: one for one in selected.cold}
    for _, unread in _missing(selected, found):
        cold |= {key: found.cold[key] for key in unread if key in found.cold}
    waiting += cold.values()
    return replace(_by_access(waiting), there=there, problems=problems)


def until_retrieved(
    account: Account, selected: Selection, waiting: Sequence[ArchivedOutput], *, seconds: float
) -> Iterator[Plan]:
    """Look every so many seconds, and yield how the waiting outputs stand, until none waits.

    An output that can be read is not looked for again, nor is one with a problem. What a bundle
    without index holds, a new plan tells. Raises an error of AWS if several looks in a row fail.
    """
    failed = 0
    while waiting:
        sleep(seconds)
        try:
            found = archived_outputs.look_again(account, selected.roots, waiting)
        except aws.AwsError:
            failed += 1
            if failed > _FAILED_LOOKS:
                raise
            continue
        failed = 0
        now = _by_access([found[one.key] for one in waiting if one.key in found])
        problems = {one.key: retrievals.GONE for one in waiting if one.key not in found}
        problems |= {one.key: retrievals.UNREADABLE for one in now.cold}
        problems |= {one.key: retrievals.UNKNOWN for one in now.readable if one.is_unknown_bundle}
        waiting = now.under_way
        readable = [one for one in now.readable if not one.is_unknown_bundle]
        yield replace(now, readable=readable, cold=(), problems=problems)


def ask(
    account: Account, outputs: Sequence[ArchivedOutput], tier: Tier, days: int
) -> Iterator[Outcome]:
    """Have outputs retrieved from GLACIER, a bundle once; yield how it ended for each output."""
    held: dict[str, list[ArchivedOutput]] = {}
    for output in outputs:
        held.setdefault(output.holder, []).append(output)

    def one(output: ArchivedOutput) -> str:
        retrievals.ask(account, output.holder, tier, days)
        return "asked for"

    firsts = [some[0] for some in held.values()]
    for outcome in _each(one, firsts, at_once=_REQUESTS_AT_ONCE):
        yield from (replace(outcome, output=output) for output in held[outcome.output.holder])


def bring(
    account: Account,
    target: Target,
    outputs: Sequence[ArchivedOutput],
    *,
    progress: Callable[[int], None],
) -> Iterator[Outcome]:
    """Bring outputs back that can be read, each verified; one that fails stops no other."""

    def one(piece: Piece) -> Outcome:
        try:
            return _outcome(lambda output: _bring(target, output, piece), piece.output)
        finally:
            progress(1)

    single = (Piece(output=output) for output in outputs if not output.bundle)
    bundled = pieces.read(account, (output for output in outputs if output.bundle))
    return workers.map_unordered(one, chain(single, bundled), at_once=_COPIES_AT_ONCE)


def _bring(target: Target, output: ArchivedOutput, piece: Piece) -> str:
    if piece.error:
        raise piece.error
    return target.bring(output, piece.data)


def _absences(
    account: Account, selected: Selection, found: archived_outputs.Found
) -> Iterator[tuple[str, str]]:
    """Yield what was selected by key and is not there, and the bundles that cannot be read."""
    for root, unread in _missing(selected, found):
        if not root.exact:
            yield from ((key, found.unread[key]) for key in unread if key not in found.cold)
        elif not any(key in found.cold for key in unread):  # else it may be in that
            told = (f"{key} {found.unread[key]}" for key in unread)
            yield root.text, "; but ".join([selection.absence(account, root.text), *told])


def _missing(
    selected: Selection, found: archived_outputs.Found
) -> Iterator[tuple[Root, Sequence[str]]]:
    """Yield each place where something may be missing, and the unread bundles that may hold it."""
    for root in selected.roots:
        if not root.exact:
            yield root, [*found.unread]
        elif root.text not in found.outputs:
            yield root, found.unread_beside(root.text)


def _each(
    work: Callable[[ArchivedOutput], str], outputs: Sequence[ArchivedOutput], *, at_once: int
) -> Iterator[Outcome]:
    return workers.map_unordered(lambda output: _outcome(work, output), outputs, at_once=at_once)


def _outcome(work: Callable[[ArchivedOutput], str], output: ArchivedOutput) -> Outcome:
    try:
        return Outcome(output=output, done=work(output))
    except aws.AwsError as error:
        return Outcome(output=output, problem=retrievals.explain(error))
    except (OperatorError, BundleError, OSError) as error:
        return Outcome(output=output, problem=str(error))


def _by_access(outputs: Sequence[ArchivedOutput]) -> Plan:
    def of(*accesses: Access) -> list[ArchivedOutput]:
        some = (output for output in outputs if output.access in accesses)
        return sorted(some, key=lambda output: output.key)

    return Plan(
        readable=of(Access.AT_ONCE, Access.RETRIEVED),
        under_way=of(Access.UNDER_WAY),
        cold=of(Access.COLD),
    )
