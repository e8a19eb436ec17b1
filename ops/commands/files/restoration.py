"""Run a restore, and print what it will take, what it does and what has to be waited for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ops import aws
from ops.archive import estimates, prices, restores
from ops.archive.archived_outputs import ArchivedOutput
from ops.archive.restores import Plan
from ops.archive.retrievals import POLL_SECONDS, Tier
from ops.archive.selection import Selection
from ops.archive.targets import Folder, Target
from ops.costs.prices import REGIONS, nearest
from ops.terminal import screen

_CENT: Final = 0.01


@dataclass(frozen=True)
class Restoration:
    """The restore that a command line asks for, with its lines on the screen."""

    account: aws.Account
    selected: Selection
    target: Target
    tier: Tier
    days: int

    def show(self, planned: Plan) -> None:
        """Print how many outputs need what, how long that takes and what it costs."""
        to_folder = isinstance(self.target, Folder)
        region = nearest(self.account.stack.region)
        rows = estimates.rows(planned, self.tier, self.days, REGIONS[region], to_folder=to_folder)
        if not rows:
            screen.say("no archived output is selected")
            return
        screen.table(
            ("outputs", "number", "size", "when", "price"),
            (
                (
                    row.what,
                    row.amount.objects,
                    screen.size(row.amount.size),
                    row.when,
                    _usd(row.usd),
                )
                for row in rows
            ),
        )
        kept = "transfer to the Internet" if to_folder else "a month in restored/"
        total = _usd(sum(row.usd for row in rows))
        screen.say(
            f"together {total}, with {kept}, by list prices of {region}; retrieval, reading and"
            f" transfer by those of {prices.REGION}, {prices.AS_OF}"
        )

    def describe(self, planned: Plan) -> None:
        """Print each step that a run would do."""
        for holder in dict.fromkeys(output.holder for output in planned.cold):
            screen.say(f"would have {holder} retrieved ({self.tier}, for {self.days} days)")
        for output in (*planned.readable, *planned.under_way, *planned.cold):
            if output.is_unknown_bundle:
                screen.say(f"would restore what {output.key} holds")
            else:
                screen.say(f"would restore {output.key} to {self.target.place(output)}")

    def run(self, planned: Plan, *, wait: bool) -> dict[str, str]:
        """Restore what can be read, have the rest retrieved; return the problems by key."""
        problems = dict(planned.problems)
        waiting = [*planned.under_way, *self._ask(planned, problems)]
        with screen.progress("restoring", len(planned.readable)) as progress:
            self._bring(planned, problems, progress)
        if waiting and wait:
            self._wait(waiting, problems)
        elif waiting:
            screen.say(
                f"being retrieved: {len(waiting)}; run the same command with --resume when that is "
                "done"
            )
        return problems

    def _ask(self, planned: Plan, problems: dict[str, str]) -> list[ArchivedOutput]:
        asked: list[ArchivedOutput] = []
        holders: set[str] = set()  # a bundle is asked for once, and told once
        with screen.progress("asking", len(planned.cold)) as progress:
            for outcome in restores.ask(self.account, planned.cold, self.tier, self.days):
                progress(1)
                if outcome.problem is None:
                    if outcome.output.holder not in holders:
                        screen.say(f"asked for  {outcome.output.holder}")
                    holders.add(outcome.output.holder)
                    asked.append(outcome.output)
                else:
                    problems[outcome.output.key] = outcome.problem
        return asked

    def _bring(
        self, planned: Plan, problems: dict[str, str], progress: Callable[[int], None]
    ) -> None:
        for outcome in restores.bring(
            self.account, self.target, planned.readable, progress=progress
        ):
            if outcome.problem is None:
                place = self.target.place(outcome.output)
                screen.say(f"restored  {place}  verified by {outcome.done}")
            else:
                problems[outcome.output.key] = outcome.problem

    def _wait(self, waiting: list[ArchivedOutput], problems: dict[str, str]) -> None:
        with screen.progress("retrieving and restoring", len(waiting)) as progress:
            for now in restores.until_retrieved(
                self.account, self.selected, waiting, seconds=POLL_SECONDS[self.tier]
            ):
                problems |= now.problems
                progress(len(now.problems))
                self._bring(now, problems, progress)


def _usd(amount: float) -> str:
    if not amount:
        return "free"
    return f"${amount:,.2f}" if amount >= _CENT else "under $0.01"
