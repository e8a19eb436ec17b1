"""Copy completed files to `incoming/` from this machine.

Each source version takes effect exactly once, so sending its event again changes nothing. A replay
is therefore a new upload: it copies the completed file to a new version in `incoming/`. The new
output is stored in today's partition; the old output stays.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ops import aws
from ops.aws import Account
from ops.files import copies, workers
from ops.files.replays.plans import Replay

COPIES_AT_ONCE: Final = 8
SHORTENED: Final = "its name is shortened: replay it alone, by its key in incoming/"


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """How a replay ended: with the new version in `incoming/`, or with a problem."""

    replay: Replay
    version: str | None = None
    problem: str | None = None


def run(
    account: Account,
    replays: Sequence[Replay],
    *,
    note: Callable[[Replay, str], None],
    progress: Callable[[int], None],
) -> Iterator[Replayed]:
    """Run each replay, a few at once, and yield how it ended; one that fails stops no other.

    `note` is called with each new version in the thread that has made it, so that an interruption
    here leaves no copy without a note. Copies under way are finished first.
    """

    def one(replay: Replay) -> Replayed:
        if replay.target is None:
            return Replayed(replay=replay, problem=SHORTENED)
        try:
            version = copies.renew(account, replay.source, replay.target)
            note(replay, version)
        except aws.AwsError as error:
            return Replayed(replay=replay, problem=aws.explain(error))
        finally:
            progress(1)
        return Replayed(replay=replay, version=version)

    return workers.map_unordered(one, replays, at_once=COPIES_AT_ONCE)
