"""What the S3 client of this package stores, and the lines over which it is read and written."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

# What one call of a TLS connection reads at most. https://datatracker.ietf.org/doc/html/rfc8446#section-5.1
_RECORD_BYTES: Final = 16 * 1024
# What comes, or goes, while a thread is late; Linux gives a socket up to 6 MB. man 7 tcp, tcp_rmem
_BUFFER_BYTES: Final = 1024 * 1024
WRITTEN: Final = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


class Link:
    """A line of so many bytes a second; 0 is a line without limit."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free = 0.0
        self._lock = threading.Lock()
        self.sent = 0

    def send(self, size: int) -> None:
        """Return when so many bytes are through."""
        with self._lock:
            self.sent += size
            if not self._rate:
                return
            now = time.perf_counter()
            self._free = max(self._free, now - _BUFFER_BYTES / self._rate) + size / self._rate
            wait = self._free - now
        if wait > 0:
            time.sleep(wait)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One object."""

    paths: tuple[Path, ...]  # end to end; a joined object is not copied before it is looked at
    etag: str
    size: int
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    version: str = "v1"

    def described(self) -> dict[str, Any]:
        """Return it as the head of an answer."""
        return {
            "ETag": self.etag,
            "ContentLength": self.size,
            "LastModified": WRITTEN,
            "Metadata": self.metadata,
            "VersionId": self.version,
            "ContentType": "application/octet-stream",
        }


class Body:
    """The stream of one answer, record by record as it comes through TLS.

    Reading each lets other threads go on, as reading a socket does.
    """

    def __init__(self, path: Path, start: int, size: int, link: Link) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(start)
        self._left = size
        self._link = link

    def read(self, amount: int | None = None) -> bytes:
        """Return the next bytes, at most `amount`, when they are through the link."""
        wanted = self._left if amount is None else min(amount, self._left)
        parts: list[bytes] = []
        while wanted and (part := self._file.read(min(wanted, _RECORD_BYTES))):
            self._link.send(len(part))
            parts.append(part)
            wanted -= len(part)
            self._left -= len(part)
        return b"".join(parts)

    def iter_chunks(self, size: int = 1024) -> Iterator[bytes]:
        """Yield the rest."""
        while block := self.read(size):
            yield block

    def close(self) -> None:
        """Close the file."""
        self._file.close()
