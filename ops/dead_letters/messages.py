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

    @property
    def key(self) -> str | None:
        """The key of the first source, or None."""
        return self.sources[0].key if self.sources else None

    @property
    def version(self) -> str | None:
        """The version of the first source, or None."""
        return self.sources[0].version if self.sources else None

    @property
    def identity(self) -> tuple[object, ...]:
        """The same for all dead letters about one version; unique for one that names no version."""
        if not self.sources:
            return (self.queue, self.message_id)
        return (self.queue, *((source.key, source.version) for source in self.sources))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which dead letters a command selects: all of them, or those that any of the lists names.

    `globs` match keys, `versions` are source versions, `messages` are message ids.
    """

    every: bool = False
    globs: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    def __contains__(self, dead_letter: DeadLetter) -> bool:
        if self.every or dead_letter.message_id in self.messages:
            return True
        return any(
            source.version in self.versions
            or any(fnmatchcase(source.key, pattern) for pattern in self.globs)
            for source in dead_letter.sources
        )


def distinct(dead_letters: Iterable[DeadLetter]) -> list[tuple[DeadLetter, int]]:
    """Return the newest dead letter of each version, and how many there are of it; oldest first."""
    groups: dict[tuple[object, ...], list[DeadLetter]] = {}
    for dead_letter in dead_letters:
        groups.setdefault(dead_letter.identity, []).append(dead_letter)
    newest = [(max(group, key=lambda one: one.sent), len(group)) for group in groups.values()]
    return sorted(newest, key=lambda pair: pair[0].sent)
