"""An S3 of millions of outputs that holds none, and a clock that only its calls move.

A page of the listing is made when it is asked for. What the archiver stores keeps its key alone.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, Self, cast
from zlib import crc32

from botocore.exceptions import ClientError

from bench.bundling import SimulatedDay
from bench.invocations import PROCESSED
from handlers import keys
from handlers.aws.object_info import ObjectInfo
from handlers.aws.objects import Storage
from ops.costs.fan_out import OBJECTS_A_SECOND, READS_AT_ONCE, SECONDS_A_CALL

_OLD: Final = datetime(2024, 1, 17, tzinfo=UTC)
_DAYS: Final = ("processed/2024/01/15/", "processed/2024/01/16/")
_PAGE: Final = 1_000
_ENDINGS: Final = [f"{number:03d}.json" for number in range(_PAGE)]
_DIGITS: Final = slice(-len("000000000.json"), -len(".json"))


class Clock:
    """Seconds that pass by calls alone; those of the archiver's threads overlap."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def call(self) -> None:
        """Let the time of a call pass."""
        alone = threading.current_thread() is threading.main_thread()
        with self._lock:
            self.seconds += SECONDS_A_CALL / (1 if alone else READS_AT_ONCE)

    def read(self) -> None:
        """Let the time of a read pass, and of those beside it: at full load the paper's rate."""
        self.seconds += READS_AT_ONCE / OBJECTS_A_SECOND


class _Key:
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key


class _Listed:
    """An output as the archiver sees it in a listing: an ObjectInfo takes ten times as long."""

    __slots__ = ("location",)
    etag = '"e"'
    size = 1_000
    modified = _OLD

    def __init__(self, location: _Key) -> None:
        self.location = location


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Which outputs there are, by three figures that no wrong set is likely to have together."""

    count: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Self:
        """Return the tally of outputs by their numbers."""
        squares = sum([number * number for number in numbers])
        return cls(count=len(numbers), total=sum(numbers), squares=squares)

    def moved_by(self, number: int) -> "Tally":
        """Return the tally of as many outputs whose numbers are larger by one number."""
        return Tally(
            count=self.count,
            total=self.total + self.count * number,
            squares=self.squares + 2 * self.total * number + self.count * number * number,
        )

    def __add__(self, other: Self) -> "Tally":
        """Return the tally of both."""
        return Tally(
            count=self.count + other.count,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )


class SimulatedS3(SimulatedDay):
    """Both buckets: what is stored keeps its key, and the bytes of a layout."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(0, 0)
        self.clock = clock
        self.deleted = Tally()
        self._layouts: dict[str, bytes] = {}
        self._tallying = threading.Lock()

    def _call(self, operation: str) -> None:
        super()._call(operation)
        self.clock.call()

    def read(self, outputs: int) -> None:
        """Count as many reads as are made at once."""
        self.calls["GetObject"] += outputs
        self.clock.read()

    def listed(self) -> None:
        """Count the listing of a page."""
        self._call("ListObjectsV2")

    def put_object(self, **request: Any) -> None:
        """Store an object whose key is free; the bytes of a layout alone are kept."""
        if request["Key"] in self._heads:
            self._call("PutObject")
            raise _taken()
        if request["Key"].startswith(keys.BUNDLE_LAYOUTS):
            self._layouts[request["Key"]] = request["Body"]
        super().put_object(**request)
        if request.get("StorageClass"):  # billed as the parts of a large bundle
            self.calls["PutObject"] -= 1
            self.calls["CompleteMultipartUpload"] += 1

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Return a layout."""
        self._call("GetObject")
        body = self._layouts[request["Key"]]
        return {"Body": SimpleNamespace(read=lambda: body)}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        """List what the archive bucket holds."""
        self._call("ListObjectsV2")
        after = request.get("ContinuationToken") or request.get("StartAfter", "")
        found = sorted(
            key for key in self._heads if key.startswith(request["Prefix"]) and key > after
        )
        entries = [
            {"Key": key, "ETag": '"e"', "Size": 1, "LastModified": _OLD} for key in found[:_PAGE]
        ]
        more = len(found) > _PAGE
        answer: dict[str, Any] = {"Contents": entries, "IsTruncated": more}
        return answer | ({"NextContinuationToken": found[_PAGE - 1]} if more else {})

    def delete_objects(self, **request: Any) -> dict[str, Any]:
        """Note which outputs are deleted."""
        self._call("DeleteObjects")
        numbers = [int(one["Key"][_DIGITS]) for one in request["Delete"]["Objects"]]
        with self._tallying:
            self.deleted += Tally.of(numbers)
        return {}


def _taken() -> ClientError:
    return ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")


class SimulatedListing(Storage):
    """The storage of a processed bucket that lists so many outputs, of two days."""

    def __init__(self, s3: SimulatedS3, objects: int) -> None:
        super().__init__(s3)
        self._simulated = s3
        self._objects = objects

    def list_pages(
        self, bucket: str, prefix: str, *, start_after: str = ""
    ) -> Iterator[list[ObjectInfo]]:
        """Yield the outputs, or what the archive bucket holds under a prefix, page by page."""
        if bucket != PROCESSED:
            yield from super().list_pages(bucket, prefix, start_after=start_after)
            return
        first = int(start_after[_DIGITS]) + 1 if start_after else 0
        for begin in range(first, self._objects, _PAGE):
            self._simulated.listed()
            keys = self._keys(begin, min(begin + _PAGE, self._objects))
            yield cast("list[ObjectInfo]", list(map(_Listed, map(_Key, keys))))

    def share(self, shard: int, shards: int) -> Tally:
        """Return the outputs of a shard, of a power of two shards, without a look at each key.

        A CRC is linear: another ending changes those of all keys of one length alike.
        """
        first = [crc32(key.encode()) for key in self._in_thousand(0, 0)]
        endings = [
            Tally.of([at for at, crc in enumerate(first) if (crc ^ first[0]) % shards == change])
            for change in range(shards)
        ]
        whole, rest = divmod(self._objects, _PAGE)
        tally = Tally()
        for thousand in range(whole):
            crc = crc32(f"{self._beginning(thousand)}{_ENDINGS[0]}".encode())
            tally += endings[crc % shards ^ shard].moved_by(thousand * _PAGE)
        keys = self._in_thousand(whole, 0)[:rest]
        last = [at for at, key in enumerate(keys) if crc32(key.encode()) % shards == shard]
        return tally + Tally.of(last).moved_by(whole * _PAGE)

    def _keys(self, begin: int, end: int) -> list[str]:
        thousand, at = divmod(begin, _PAGE)
        named = self._in_thousand(thousand, at) + self._in_thousand(thousand + 1, 0)[:at]
        return named[: end - begin]

    def _in_thousand(self, thousand: int, at: int) -> list[str]:
        return list(map(self._beginning(thousand).__add__, _ENDINGS[at:]))

    def _beginning(self, thousand: int) -> str:
        day = _DAYS[thousand * _PAGE * 2 >= self._objects]
        return f"{day}orders/orders-{thousand:06d}"
