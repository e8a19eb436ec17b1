"""Reads an object's bytes from S3 in blocks, and reopens a lost connection."""

from collections.abc import Generator, Iterator
from typing import Any, Final

from handlers.aws.errors import translated
from handlers.aws.failures import TransientError
from handlers.aws.object_info import ObjectInfo

# Small enough that the socket's buffer holds the next block by the time this one is done. A thread
# that reads ahead was slower, because of the interpreter lock.
_READ_BYTES: Final = 64 * 1024
_READ_ATTEMPTS: Final = 5  # to reopen a lost stream, without a byte received


class OpenObject:
    """One version of an object, being read from S3."""

    def __init__(self, s3: Any, info: ObjectInfo, body: Any) -> None:
        self.info = info
        self._s3 = s3
        self._body = body
        self._head = b""
        self._rest: Generator[bytes] | None = None

    def close(self) -> None:
        """Close the connection; unread bytes are dropped."""
        self._body = _closed(self._body)
        if self._rest:
            self._rest.close()

    def peek(self) -> bytes:
        """Return the first block, which `blocks` yields once more without another call."""
        rest = self._read(0)
        self._head, self._rest = next(rest, b""), rest
        return self._head

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes from an offset on. A lost connection is reopened where it broke."""
        rest, self._rest = self._rest, None
        if rest and not offset:
            if self._head:
                yield self._head
            yield from rest
            return
        if rest:
            rest.close()
        yield from self._read(offset)

    def _read(self, offset: int) -> Generator[bytes]:
        failures = 0
        body, self._body = self._body, None
        if offset and body is not None:
            body.close()
            body = None
        try:
            while offset < self.info.size:
                try:
                    body = body or self._open_at(offset)
                    with translated(f"read {self.info.location} at byte {offset}"):
                        block = body.read(_READ_BYTES)
                except TransientError:
                    failures += 1
                    if failures >= _READ_ATTEMPTS:
                        raise
                    body = _closed(body)
                    continue
                if not block:
                    body = _closed(body)
                    failures += 1
                    if failures >= _READ_ATTEMPTS:
                        msg = f"read {self.info.location}: ends at byte {offset}"
                        raise TransientError(msg)
                    continue
                failures = 0
                offset += len(block)
                yield block
        finally:
            _closed(body)

    def _open_at(self, offset: int) -> Any:
        with translated(f"get {self.info.location} from byte {offset}"):
            return self._s3.get_object(
                **self.info.location.parameters(),
                Range=f"bytes={offset}-",
                IfMatch=self.info.etag,
            )["Body"]


def _closed(body: Any) -> None:
    if body is not None:
        body.close()
