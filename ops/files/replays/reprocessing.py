"""Send completed files of a dataset to be processed again, each in the place of its old output.

Unlike the other replays this copies nothing: a message names the completed version, and the
processor replaces the output that was made of it. An output's metadata names the version of the
dataset that it was made by, so what is done already is seen, and sent no more.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import islice
from json import dumps
from typing import Final

from handlers import keys
from ops.aws import Account
from ops.dead_letters.pace import Pace
from ops.files import objects, results, workers
from ops.files.bundles.versions import BundledVersions
from ops.files.history import Completed
from ops.files.objects import StoredObject
from ops.files.rejects import links
from ops.files.replays.plans import Range, completed_prefix
from ops.files.results import Output

_LOOKS_AT_ONCE: Final = 24  # below the client's connections; each look takes two HEADs or more
_BATCH: Final = 10  # messages of one call, SQS's maximum
_ATTEMPTS: Final = 3  # at what SQS does not take of a batch


class State(StrEnum):
    """What there is to do for a completed version."""

    DUE = "due"
    ARCHIVED = "due, archived"
    BUNDLED = "in a bundle"  # which is not rewritten
    CURRENT = "current"  # its output was made by the dataset as it is deployed
    WITHOUT_OUTPUT = "without output"  # it has expired, or was deleted
    UNKNOWN = "unknown"  # the copy does not tell what it is a copy of, and when that was uploaded
    REPEATED = "repeated"  # another copy of the same source version

    @property
    def is_due(self) -> bool:
        """Whether it is to be processed again."""
        return self in {State.DUE, State.ARCHIVED}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A completed version, and what there is to do for it; sources are keys and versions.

    `has_rejects` says whether its output is without some bad records of the file; `corrects` is
    whose bad records the file holds corrected, if it is a fix. `is_twice` says whether a bundle has
    the output as it was before a replay, beside the one that replaced it at that moment.
    """

    copy: StoredObject
    state: State
    source: tuple[str, str] | None = None
    has_rejects: bool = False
    corrects: tuple[str, str] | None = None
    is_twice: bool = False


@dataclass(frozen=True, kw_only=True)
class Sending:
    """How many messages were sent, and why others were not accepted, counted."""

    sent: int
    refused: Counter[str]


def survey(account: Account, chosen: Range, *, made_by: tuple[str, str]) -> Iterator[Candidate]:
    """Yield each completed version of a range, with what there is to do for it.

    Not only the current versions: each version has an output of its own. `made_by` is the name and
    the version of the dataset: a renamed one has the same version.
    """
    bucket = account.stack.raw_bucket_name
    listed = objects.versions(account.s3, bucket, completed_prefix(chosen.prefix))

    look = partial(_look, account, bundled=BundledVersions(account), made_by=made_by)
    seen: set[tuple[str, str]] = set()
    copies = (copy for copy in listed if copy in chosen)
    for found in workers.map_unordered(look, copies, at_once=_LOOKS_AT_ONCE):
        if found.source in seen:
            yield replace(found, state=State.REPEATED)
            continue
        if found.source:
            seen.add(found.source)
        yield found


def send(
    account: Account,
    copies: Sequence[StoredObject],
    *,
    pace: Pace,
    progress: Callable[[int], None],
    stopped: Callable[[], bool] = lambda: False,
) -> Sending:
    """Send a message for each completed version, at a pace, until all are sent or it is stopped.

    Sending one twice does no harm: what is done already is found.
    """
    sent, refused = 0, Counter[str]()
    size = min(_BATCH, pace.most_at_once or _BATCH)
    rest = iter(copies)
    while not stopped() and (some := list(islice(rest, size))):
        pace.wait(len(some))
        problems = _send(account, some)
        refused += problems
        sent += len(some) - problems.total()
        progress(len(some))
    return Sending(sent=sent, refused=refused)


def message(copy: StoredObject) -> str:
    """Return the message that has a completed version processed again."""
    return dumps({keys.REPROCESS: {"key": copy.key, "version": copy.version}})


def _look(
    account: Account, copy: StoredObject, *, bundled: BundledVersions, made_by: tuple[str, str]
) -> Candidate:
    head = objects.head(account.s3, account.stack.raw_bucket_name, copy.key, copy.version)
    told = Completed(stored=copy, metadata=head.metadata if head else {})
    key, source = keys.incoming_key(copy.key, told.metadata), told.source_version
    if not key or not source or not told.uploaded:
        return Candidate(copy=copy, state=State.UNKNOWN)
    (day,) = told.days
    in_bundle = bundled.holds(key, source, day)
    output = results.locate(account, key, source, [day], plain_only=in_bundle)
    if output is None:
        is_bundled = in_bundle or not bundled.is_whole(day)
        state = State.BUNDLED if is_bundled else State.WITHOUT_OUTPUT
    elif _is_current(account, output, made_by, keys.rejected_keys(key, source, day)[0]):
        state = State.CURRENT
    else:
        state = State.ARCHIVED if output.archived else State.DUE
    return Candidate(
        copy=copy,
        state=state,
        source=(key, source),
        has_rejects=output is not None and bool(output.counts.get("rejected")),
        corrects=links.corrected(key, told.metadata),
        is_twice=bundled.holds_older(
            key, source, day, output and (output.dataset, output.dataset_version)
        ),
    )


def _is_current(
    account: Account, output: Output, made_by: tuple[str, str], rejected_key: str
) -> bool:
    """Return whether an output, and its rejects if there are some, are of a dataset's version.

    The processor replaces the output first, and may have been killed before the rejects. Those that
    the output does not name, since it has none any more, are looked for at `rejected_key`, which
    nearly all have.
    """
    if (output.dataset, output.dataset_version) != made_by:
        return False
    bucket = account.stack.processed_bucket_name
    rejects = objects.head(account.s3, bucket, output.rejected_key or rejected_key)
    if not rejects:
        return True
    is_others = rejects.metadata.get(keys.SOURCE_VERSION) != output.source_version
    if is_others and not output.rejected_key:
        return True
    named = (keys.DATASET, keys.DATASET_VERSION)
    return tuple(rejects.metadata.get(name) for name in named) == made_by


def _send(account: Account, copies: Sequence[StoredObject]) -> Counter[str]:
    """Send up to ten messages in one call, and what SQS failed to take of them again."""
    left, problems = [*copies], Counter[str]()
    for _ in range(_ATTEMPTS):
        answer = account.sqs.send_message_batch(
            QueueUrl=account.stack.processing_queue_url,
            Entries=[
                {"Id": str(place), "MessageBody": message(copy)} for place, copy in enumerate(left)
            ],
        )
        failed = answer.get("Failed", [])
        problems = Counter(f"{one['Code']}: {one.get('Message', '')}" for one in failed)
        left = [left[int(one["Id"])] for one in failed]
        if not left:
            break
    return problems
