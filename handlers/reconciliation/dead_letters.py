"""Which versions have a dead letter: the messages of the queue are received, and released again."""

from dataclasses import dataclass
from typing import Final

from handlers.aws.messages import Messenger
from handlers.aws.object_info import Location
from handlers.invocation.deadline import Deadline
from handlers.invocation.events import MalformedEventError, read_message

# Some two minutes of receives, ten messages each; and SQS hides no more than 120,000 at a time.
_MAX_DEAD_LETTERS: Final = 20_000
_MAX_TIMEOUT_SECONDS: Final = 900  # of a function, Lambda's limit


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """The versions that dead letters name; `whole` says whether all dead letters were read."""

    named: frozenset[tuple[str, str]]
    whole: bool
    note: str = ""

    def __contains__(self, version: Location) -> bool:
        # A call by hand may name a key alone.
        return (version.key, version.version or "") in self.named or (version.key, "") in self.named


def read_dead_letters(
    messenger: Messenger, queue_url: str, bucket: str, deadline: Deadline
) -> DeadLetters:
    """Return the versions of a bucket that the dead letters of a queue name.

    They stay in the queue, hidden from other readers while this one reads. A reader that is killed
    hides them for one time-out of the function. Raises TransientError where a call fails.
    """
    expected = messenger.describe(queue_url).messages
    hidden = min(int(deadline.granted_seconds), _MAX_TIMEOUT_SECONDS) + 1
    handles: dict[str, str] = {}
    named: set[tuple[str, str]] = set()
    ended = False
    try:
        while len(handles) < _MAX_DEAD_LETTERS and deadline.remaining_seconds() > 0:
            received = messenger.receive(queue_url, hidden_seconds=hidden)
            if not received:
                ended = True
                break
            for message in received:
                handles[message.id] = message.receipt_handle
                named |= _named(message.body, bucket)
    finally:
        messenger.release(queue_url, list(handles.values()))
    # Those that another reader holds are counted, but not received.
    whole = ended and len(handles) >= expected
    note = "" if whole else f"{len(handles)} of {expected} dead letters could be read: "
    note += "" if whole else "another reader holds some, or there are too many"
    return DeadLetters(named=frozenset(named), whole=whole, note=note)


def _named(body: str, bucket: str) -> set[tuple[str, str]]:
    try:
        found = read_message(body, bucket).references
    except MalformedEventError:
        return set()
    return {(reference.key, reference.version or "") for reference in found}
