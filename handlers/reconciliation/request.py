"""What a reconcile run is asked for, and what it answers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self, cast

from handlers import keys
from handlers.aws.failures import PermanentError

# The key of the event that asks for a run.
RECONCILE: Final = "reconcile"
_ALLOWED: Final = {
    "discarded": "true or false",
    "dry_run": "true or false",
    "by_schedule": "true or false",
    "prefix": f"a text that begins {keys.INCOMING}",
    "key_marker": "a key",
    "version_marker": "a version",
    "started": "an instant in ISO 8601 with its zone, 2024-01-15T02:30:00+00:00 say",
    "before": "an instant, as started",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one invocation is to do.

    Attributes:
        started: when the first invocation of the run began.
        discarded: whether to send what an operator has discarded, too.
        dry_run: whether to send nothing.
        by_schedule: whether the run invokes itself for what it has no time for; else it answers
            with the event for the next invocation.
        prefix: of the keys to look at.
        before: versions created before this instant have no message under way; None where no
            invocation of the run has found it out yet.
        key_marker: the key at which the invocation before this one stopped.
        version_marker: the version of that key.
    """

    started: datetime
    discarded: bool = False
    dry_run: bool = False
    by_schedule: bool = False
    prefix: str = keys.INCOMING
    before: datetime | None = None
    key_marker: str = ""
    version_marker: str = ""

    @classmethod
    def read(cls, fields: object, now: datetime) -> Self:
        """Return the request in an event; one that names no start begins `now`.

        Raises PermanentError with every field that is unknown or cannot be read.
        """
        if not isinstance(fields, Mapping):
            msg = f"{RECONCILE} is {fields!r}, allowed: an object"
            raise PermanentError(msg)
        given = cast("Mapping[str, object]", fields)
        read: dict[str, Any] = {"started": now}
        problems: list[str] = []
        for name, value in given.items():
            try:
                read[name] = _PARSERS[name](value)
            except (KeyError, TypeError, ValueError):
                allowed = _ALLOWED.get(name, f"the fields {', '.join(_ALLOWED)}")
                problems.append(f"{name} is {value!r}, allowed: {allowed}")
        if problems:
            raise PermanentError("; ".join(problems))
        return cls(**read)

    def to_event(self) -> dict[str, Any]:
        """Return the event that asks for this."""
        fields: dict[str, Any] = {
            "started": self.started.isoformat(),
            "prefix": self.prefix,
            **{name: True for name in _FLAGS if getattr(self, name)},
            **({"before": self.before.isoformat()} if self.before else {}),
            **{name: text for name in _MARKERS if (text := getattr(self, name))},
        }
        return {RECONCILE: fields}


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What one invocation has done.

    Attributes:
        looked_at: versions in `incoming/`.
        sent: whose event went to the processing queue, or would, in a dry run.
        dead_letters: that have a dead letter, and wait for an operator.
        discarded: that an operator has discarded.
        under_way: that are young, or whose message may be in the queue still.
        held: that the next run decides on, since not all dead letters could be read.
        failed: that a call of AWS failed for; the next run tries them again.
        denied: of the failed: a permission is missing.
        files: the sent ones, key and version, unless the run is one of the schedule.
        notes: sentences on what held versions back.
        following: what is left to do for the next invocation; None if the run is complete.
    """

    looked_at: int = 0
    sent: int = 0
    dead_letters: int = 0
    discarded: int = 0
    under_way: int = 0
    held: int = 0
    failed: int = 0
    denied: int = 0
    files: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    following: Request | None = field(default=None)

    def plus(self, **counts: int) -> Self:
        """Return the summary with more of some counts."""
        return replace(self, **{name: getattr(self, name) + more for name, more in counts.items()})

    def to_report(self) -> dict[str, Any]:
        """Return the answer of the function."""
        return {
            "looked_at": self.looked_at,
            "sent": self.sent,
            "dead_letters": self.dead_letters,
            "discarded": self.discarded,
            "under_way": self.under_way,
            "held": self.held,
            "failed": self.failed,
            "notes": list(self.notes),
            "complete": self.following is None,
            "next": self.following and self.following.to_event(),
        }


_FLAGS: Final = ("discarded", "dry_run", "by_schedule")
_MARKERS: Final = ("key_marker", "version_marker")


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _prefix(value: object) -> str:
    if not _text(value).startswith(keys.INCOMING):
        raise ValueError
    return _text(value)


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(_text(value))
    if instant.tzinfo is None:
        raise ValueError
    return instant


_PARSERS: Final = {
    **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys(_MARKERS, _text),
    "prefix": _prefix,
    "started": _instant,
    "before": _instant,
}
