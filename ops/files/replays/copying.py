"""Copy completed files to `incoming/` from this machine.

Each source version takes effect exactly once, so sending its event again changes nothing. A replay
is therefore a new upload: it copies the completed file to a new version in `incoming/`. The new
output is stored in today's partition; the old output stays.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final

from handlers import keys
from ops import aws
from ops.aws import Account
from ops.files import copies, objects, workers
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
    mark: str,
    resumed: bool,
    note: Callable[[Replay, str], None],
    progress: Callable[[int], None],
) -> Generator[Replayed]:
    """Run each replay, a few at once, and yield how it ended; one that fails stops no other.

    Each copy bears the mark. If the work is resumed, each is looked for first, so that a copy which
    an earlier command did not note is not made again.

    `note` is called with each new version in the thread that has made it, so that an interruption
    here leaves no copy without a note. Copies under way are finished first: close the generator.
    """

    def one(replay: Replay) -> Replayed:
        if replay.target is None:
            return Replayed(replay=replay, problem=SHORTENED)
        marks = {keys.REPLAY_JOB: mark, keys.REPLAY_OF: replay.source.version}
        try:
            version = (resumed and _made(account, replay.source, replay.target, marks)) or _make(
                account, replay.source, replay.target, marks
            )
            note(replay, version)
        except aws.AwsError as error:
            return Replayed(replay=replay, problem=aws.explain(error))
        finally:
            progress(1)
        return Replayed(replay=replay, version=version)

    yield from workers.map_unordered(one, replays, at_once=COPIES_AT_ONCE)


def _make(
    account: Account, source: objects.StoredObject, target: str, marks: dict[str, str]
) -> str:
    """Copy a completed version, and return the new one, also if S3's answer was lost."""
    try:
        return copies.renew(account, source, target, marks)
    except aws.AwsError:
        found = _made(account, source, target, marks)
        if found is None:
            raise
        return found


def _made(
    account: Account, source: objects.StoredObject, target: str, marks: dict[str, str]
) -> str | None:
    """Return the version in `incoming/` that was made with these marks, or None.

    Its original goes to `completed/` once it is processed, so looking there last cannot miss it.
    """
    bucket = account.stack.raw_bucket_name
    for key in (target, source.key):
        for item in objects.versions_of(account.s3, bucket, key):
            if item.modified < source.modified:
                break  # they come newest first
            head = objects.head(account.s3, bucket, key, item.version)
            if head and marks.items() <= head.metadata.items():
                return head.metadata.get(keys.SOURCE_VERSION, head.version)
    return None
