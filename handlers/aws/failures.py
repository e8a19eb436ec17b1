"""Failures, one class for each way to handle them. Pure."""


class PermanentError(Exception):
    """Retrying cannot help: send to the dead-letter queue at once, with the reason."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.place = place  # the first bad place in the file, "line 17" say


class LoopError(PermanentError):
    """The same work comes back again and again; an alarm tells a person to look."""


class TransientError(Exception):
    """Retrying may help: back to the queue; after the last attempt, the dead-letter queue."""


class AccessDeniedError(TransientError):
    """A permission is missing. Retried, since a person can grant it; an alarm tells them."""


class GoneError(Exception):
    """The object or version does not exist."""


class TakenError(Exception):
    """A condition failed: the key is taken, or the object has changed."""


class OutOfTimeError(Exception):
    """The invocation is close to its time-out."""
