"""Chains of the archiver over a listing that is simulated, against a clock that is simulated.

What runs is the archiver itself, from its event to the event that goes on: pages, shards, days,
layouts, numbers of bundles, commits, deletes, deadline. But outputs are neither read nor packed:
as many bytes as they would have stand for them. So a chain lists a billion keys in an hour.
"""

import json
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from unittest.mock import patch

from bench.invocations import Context, archiver_run
from bench.simulated_listing import Clock, SimulatedListing, SimulatedS3
from handlers.archive import retention
from handlers.archive.bundling import Bundling, _OpenBundle  # pyright: ignore[reportPrivateUsage]
from handlers.archive.context import RunContext
from handlers.archive.finishing import Finishing
from handlers.archive.logs import Log
from handlers.archive.summary import Counts
from handlers.aws.messages import Messenger
from handlers.aws.object_info import ObjectInfo
from handlers.bundles.entries import MAX_ENTRIES
from ops.costs.fan_out import READS_AT_ONCE, SECONDS_A_START

_TIMEOUT_SECONDS: Final = 900.0  # the default of archiverTimeoutSeconds
_TIME: Final = "2024-03-01T02:00:00+00:00"


class UnreadBundling(Bundling):
    """Bundling that reads no output: as many bytes as it would have stand for it."""

    def __init__(
        self, context: RunContext, finishing: Finishing, *, s3: SimulatedS3, entry_bytes: int
    ) -> None:
        super().__init__(context, finishing)
        self._s3 = s3
        self._entry = bytes(entry_bytes)

    def move(
        self, outputs: Sequence[ObjectInfo], log: Log
    ) -> tuple[Counts, list[ObjectInfo], ObjectInfo | None]:
        """Add outputs to the open bundle of a log, as many at a time as are read at once."""
        counts, at = Counts(), 0
        if self._open and self._open.log is not log:
            counts += self.close()
        while at < len(outputs):
            if self._deadline.remaining_seconds() <= 0:
                return counts, [], outputs[at]
            bundle = self._open or _OpenBundle(self._storage, self._archive_bucket, log)
            self._open = bundle
            free = MAX_ENTRIES - len(bundle.outputs)
            read = outputs[at : at + min(READS_AT_ONCE, free)]
            self._s3.read(len(read))
            bundle.index.first = bundle.index.first or read[0].location.key
            bundle.index.last = read[-1].location.key
            bundle.outputs += read
            bundle.upload.write(self._entry * len(read))
            at += len(read)
            if bundle.is_full:
                counts += self.close()
        return counts, [], None


@dataclass(frozen=True, kw_only=True)
class ChainRun:
    """What a chain took: seconds by the clock, invocations, and how many outputs it moved."""

    seconds: float
    invocations: int
    moved: int


@dataclass(kw_only=True)
class Invoker:
    """A Lambda client: keeps the events of the invocations that follow, by shard."""

    events: dict[int, deque[dict[str, Any]]] = field(default_factory=dict)

    def invoke(self, **request: Any) -> None:
        """Keep an event."""
        event = json.loads(request["Payload"])
        self.events.setdefault(event["shard"], deque()).append(event)


class Chains:
    """The chains of one run, which are simulated one after the other, as if side by side."""

    def __init__(
        self,
        objects: int,
        chains: int,
        entry_bytes: int,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self.clock = Clock()
        self.s3 = SimulatedS3(self.clock)
        self._invoker = Invoker()
        self._entry_bytes = entry_bytes
        self._timeout = timeout_seconds
        self.listing = SimulatedListing(self.s3, objects)
        self._handler = archiver_run(self.listing, Messenger(lambda _: self._invoker), chains)

    @property
    def calls(self) -> Counter[str]:
        """Return how many calls of S3 were made, by operation."""
        return self.s3.calls

    def run(self, shard: int) -> ChainRun:
        """Run a chain to its end; that of shard 0 first, which begins the others."""
        events = self._invoker.events.setdefault(shard, deque())
        if not shard:
            events.append({"time": _TIME})
        begun, invocations, moved = self.clock.seconds, 0, 0
        stand_in = partial(UnreadBundling, s3=self.s3, entry_bytes=self._entry_bytes)
        with patch.object(retention, "Bundling", stand_in):
            while events:
                invocations += 1
                moved += self._invoke(events.popleft())
        return ChainRun(seconds=self.clock.seconds - begun, invocations=invocations, moved=moved)

    def _invoke(self, event: dict[str, Any]) -> int:
        self.clock.seconds += SECONDS_A_START
        begun = self.clock.seconds
        context = Context(remaining=lambda: self._timeout - (self.clock.seconds - begun))
        return self._handler.handle(event, context)["archived_count"]
