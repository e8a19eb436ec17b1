"""Failures, as classes by what to do about them. Pure."""


class PermanentError(Exception):
    """Trying again cannot help: to the dead-letter queue at once, with the reason."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.place = place  # the first bad place in the file, "line 17" say


class LoopError(PermanentError):
    """The same work comes back again and again: somebody has to look, an alarm tells them."""


class TransientError(Exception):
    """Trying again may help: back to the queue, and to the dead-letter queue in the end."""


class AccessDeniedError(TransientError):
    """A permission is missing: transient, since people grant it; an alarm tells them."""


class GoneError(Exception):
    """The object or the version is not there."""


class TakenError(Exception):
    """A precondition failed: the name is taken, or the object is not what it was."""


class OutOfTimeError(Exception):
    """The invocation nears its time-out."""
