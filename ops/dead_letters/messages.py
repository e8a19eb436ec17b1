"""Dead letters, whatever their shape was: what failed, why, and which of them a command means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase


class Queue(StrEnum):
    """Whose dead letters a queue holds."""

    PROCESSOR = "processor"
    ARCHIVER = "archiver"


@dataclass(frozen=True, kw_only=True)
class Source:
    """The source version that a letter is about; `version` is None where the event names none."""

    bucket: str | None
    key: str
    version: str | None


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One dead letter.

    `event` is the JSON text to process again, None where there is none: `problem` then says what
    the body is instead. `attributes` are the message's, binary ones as `base64:…`. `reason` is None
    where nobody could say one: the function was killed, timed out or did not start. `attempts`
    counts the deliveries before, None where nothing tells.
    """

    message: str
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
        """Equal for two letters about the same version; a letter about none equals only itself."""
        if not self.sources:
            return (self.queue, self.message)
        return (self.queue, *((source.key, source.version) for source in self.sources))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which letters a command means: all, or those that one of the lists names."""

    every: bool = False
    globs: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    def __contains__(self, letter: DeadLetter) -> bool:
        if self.every or letter.message in self.messages:
            return True
        return any(
            source.version in self.versions
            or any(fnmatchcase(source.key, pattern) for pattern in self.globs)
            for source in letter.sources
        )


def distinct(letters: Iterable[DeadLetter]) -> list[tuple[DeadLetter, int]]:
    """Return one letter for each version, the newest, with how many there are, oldest first."""
    groups: dict[tuple[object, ...], list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault(letter.identity, []).append(letter)
    newest = [(max(group, key=lambda one: one.sent), len(group)) for group in groups.values()]
    return sorted(newest, key=lambda pair: pair[0].sent)
