"""A dead letter: what failed and why, and which ones a command selects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase


class Queue(StrEnum):
    """The dead-letter queues, each named after the function whose dead letters it holds."""

    PROCESSOR = "processor"
    ARCHIVER = "archiver"


class Kind(StrEnum):
    """The kinds of failure that the processor names; what killed it is neither."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"


@dataclass(frozen=True, kw_only=True)
class Source:
    """The object version that a dead letter is about; `version` is None if the event names none."""

    bucket: str | None
    key: str
    version: str | None


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message of a dead-letter queue, read.

    Attributes:
        message_id: Of the SQS message.
        queue: The queue that it is in.
        sent: When it was sent there.
        body: The message's body, unchanged.
        attributes: The message's attributes; binary ones as `base64:…`.
        event: The JSON text to process again; None if the body holds no event.
        problem: If there is no event: what the body is instead.
        sources: The object versions that the event names.
        reason: Why it failed; None if nothing could report it, because the function was killed,
            timed out or did not start.
        place: Where in the file, line 3 say.
        kind: What kind of failure; the sender's name for it.
        attempts: How many times it was tried; None if unknown.
        reconciles: Whether it is a run of the processor that looks for files left in incoming/.
    """

    message_id: str
    queue: Queue
    sent: datetime
    body: str
    attributes: Mapping[str, str]
    event: str | None
    problem: str | None
    sources: tuple[Source, ...]
    reason: str | None
    place: str | None
    kind: str | None
    attempts: int | None
    reconciles: bool = False

    @property
    def is_run(self) -> bool:
        """Whether it is a run of a function over many files, and not about a file."""
        return self.queue is Queue.ARCHIVER or self.reconciles

    @property
    def key(self) -> str | None:
        """The key of the first source, or None."""
        return self.sources[0].key if self.sources else None

    @property
    def version(self) -> str | None:
        """The version of the first source, or None."""
        return self.sources[0].version if self.sources else None

    @property
    def why(self) -> str:
        """Why it failed, or what is known instead."""
        return self.reason or self.problem or "killed, timed out or not started: see its logs"

    @property
    def identity(self) -> tuple[object, ...]:
        """The same for all dead letters about one version; unique for one that names no version."""
        if not self.sources:
            return (self.queue, self.message_id)
        return (self.queue, *((source.key, source.version) for source in self.sources))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which dead letters a command selects: those that fit every criterion that is given.

    Attributes:
        globs: Its key matches one of them.
        versions: It is about one of these source versions.
        messages: Its message id is one of them.
        reasons: Why it failed contains one of them, in upper or lower case.
        kinds: It is of one of these kinds.
        sent_before: It was sent at this time or earlier.
        sent_after: It was sent at this time or later.
    """

    globs: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    sent_before: datetime | None = None
    sent_after: datetime | None = None

    @property
    def every(self) -> bool:
        """Whether no criterion is given, so that every dead letter is selected."""
        return self == Selection()

    def __contains__(self, dead_letter: DeadLetter) -> bool:
        return (
            self._names_source(dead_letter)
            and _any(one == dead_letter.message_id for one in self.messages)
            and _any(one.casefold() in dead_letter.why.casefold() for one in self.reasons)
            and _any(one == dead_letter.kind for one in self.kinds)
            and (self.sent_before is None or dead_letter.sent <= self.sent_before)
            and (self.sent_after is None or dead_letter.sent >= self.sent_after)
        )

    def _names_source(self, dead_letter: DeadLetter) -> bool:
        """Return whether one of its sources fits both the keys and the versions."""
        if not self.globs and not self.versions:
            return True
        return any(
            _any(fnmatchcase(source.key, pattern) for pattern in self.globs)
            and _any(source.version == version for version in self.versions)
            for source in dead_letter.sources
        )


def _any(fits: Iterable[bool]) -> bool:
    """Return whether one of them is true, or there is none: a criterion that is not given."""
    found = [*fits]
    return any(found) or not found


def distinct(dead_letters: Iterable[DeadLetter]) -> list[tuple[DeadLetter, int]]:
    """Return the newest dead letter of each version, and how many there are of it; oldest first."""
    groups: dict[tuple[object, ...], list[DeadLetter]] = {}
    for dead_letter in dead_letters:
        groups.setdefault(dead_letter.identity, []).append(dead_letter)
    newest = [(max(group, key=lambda one: one.sent), len(group)) for group in groups.values()]
    return sorted(newest, key=lambda pair: pair[0].sent)
