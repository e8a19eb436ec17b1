"""One change to a queue at a time: moto's own receive, delete and redrive lose messages in threads.

moto 5.2.5 deletes by putting a new list in place of the old one, so a message that another thread
sends meanwhile is gone (800 sent and received in five threads: 2 lost, 1 twice, 10 undead). The
lock is the queue's own, which moto takes only to append.
"""

import functools
import time
from collections.abc import Callable
from threading import Condition, Lock
from typing import Any, Final

from moto.sqs.models import SQSBackend

_LOOK_SECONDS: Final = 0.2  # a message whose visibility timeout ends wakes nobody

_once = Lock()  # taken for good by the first `install`


def install() -> None:
    """Put the lock around moto's queues in this process; a second call changes nothing."""
    if not _once.acquire(blocking=False):
        return
    _wrap("receive_message", _receive)
    for name in ("delete_message", "change_message_visibility", "purge_queue"):
        _wrap(name, _change)


def _receive(
    original: Callable[..., Any],
    self: SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    *arguments: Any,
) -> Any:
    changed = _lock_of(self, queue_name)
    end = time.monotonic() + int(wait_seconds_timeout or 0)
    with changed:
        while True:
            messages = original(self, queue_name, count, 0, *arguments)
            left = end - time.monotonic()
            if messages or left <= 0:
                return messages
            changed.wait(min(left, _LOOK_SECONDS))


def _change(
    original: Callable[..., Any], self: SQSBackend, queue_name: str, *arguments: Any, **named: Any
) -> Any:
    with _lock_of(self, queue_name):
        return original(self, queue_name, *arguments, **named)


def _wrap(name: str, wrapper: Callable[..., Any]) -> None:
    original = getattr(SQSBackend, name)

    @functools.wraps(original)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        return wrapper(original, *arguments, **named)

    setattr(SQSBackend, name, wrapped)


def _lock_of(backend: SQSBackend, queue_name: str) -> Condition:
    queue: Any = backend.get_queue(queue_name)
    return queue._messages_lock  # noqa: SLF001 - moto's own, which its append takes
