"""An outage of S3 of a quarter of an hour, under a steady stream of files: no dead letter."""

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any

import pytest

from handlers.environment import Metric
from tests.proof.files import BY_NAME
from tests.proof.memory import aws_error
from tests.proof.watch import Watch
from tests.proof.world import MAX_ATTEMPTS, NOW, Context, World, batch, small_limits

STREAM = timedelta(minutes=40)
EVERY = timedelta(seconds=20)
SOURCES = [BY_NAME[name] for name in ("lines", "rejects", "object")]
FILES = [
    replace(kind, key=kind.key.replace("incoming/", f"incoming/{number:03}/"))
    for number, kind in enumerate(islice(cycle(SOURCES), STREAM // EVERY))
]


@dataclass(order=True)
class Message:
    """A message and the instant at which it can be received."""

    visible: datetime
    number: int
    body: str = field(compare=False)
    receives: int = field(default=0, compare=False)
    first: datetime | None = field(default=None, compare=False)


class Down:
    """S3 is down between two instants; everything else works."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self.begin, self.end = begin, end
        self.now = NOW

    def __call__(self, operation: str, _given: Mapping[str, Any], call: Any) -> Any:
        if self.begin <= self.now < self.end and not operation.endswith(("message", "visibility")):
            raise aws_error("ServiceUnavailable", operation)
        return call()


def run(outage: timedelta, *, batch_size: int = 1) -> World:
    """Let files come in for a while, with an outage in the midst; return what became of them."""
    begin = NOW + timedelta(minutes=5)
    down = Down(begin, begin + outage)
    world = World(gate=down)
    watch = Watch(world, FILES)
    queue = list(arrivals(world))
    world.s3.now = NOW
    processor = world.processor()
    while queue:
        messages = receive(queue, batch_size)
        world.s3.now = down.now = max(world.s3.now, messages[-1].visible)
        answer = processor.handle(event_of(messages, down.now), Context(300))
        delays = iter(world.queue.delays)
        for failure in answer["batchItemFailures"]:
            message = messages[int(failure["itemIdentifier"].removeprefix("m"))]
            message.visible = down.now + timedelta(seconds=next(delays))
            heapq.heappush(queue, message)
        world.queue.delays.clear()
        watch.look()
    return world


def receive(queue: list[Message], batch_size: int) -> list[Message]:
    """Take the messages of a batch out of the queue, as the mapping gathers them in a minute."""
    messages = [heapq.heappop(queue)]
    end = messages[0].visible + timedelta(minutes=1)
    while queue and len(messages) < batch_size and queue[0].visible <= end:
        messages.append(heapq.heappop(queue))
    return messages


def event_of(messages: list[Message], now: datetime) -> dict[str, Any]:
    for message in messages:
        message.receives += 1
        message.first = message.first or now
    event = batch(*((message.body, message.receives) for message in messages))
    for message, record in zip(messages, event["Records"], strict=True):
        assert message.first
        milliseconds = str(int(message.first.timestamp() * 1000))
        record["attributes"]["ApproximateFirstReceiveTimestamp"] = milliseconds
    return event


def arrivals(world: World) -> Iterator[Message]:
    for number, file in enumerate(FILES):
        world.s3.now = NOW + number * EVERY
        yield Message(world.s3.now, number, json.dumps(world.upload(file.key, file.body)))


@pytest.fixture(autouse=True)
def _inline():
    with small_limits(10**9):
        yield


@pytest.mark.parametrize("batch_size", [1, 10])
def test_no_file_becomes_a_dead_letter(batch_size: int):
    world = run(timedelta(minutes=15), batch_size=batch_size)

    assert not world.dead_letters.messages
    assert len(world.outputs()) == len(FILES)
    assert world.telemetry.totals[Metric.FILES_PROCESSED] == len(FILES)
    assert world.telemetry.totals[Metric.FILES_RETRIED] > 15 * 60 // EVERY.seconds


def test_a_longer_one_makes_dead_letters_of_the_first_files_alone():
    world = run(timedelta(minutes=30))

    # Those that came in its first nine minutes have had their four attempts when it ends.
    assert 0 < len(world.dead_letters.messages) <= 9 * 60 // EVERY.seconds + 1
    assert len(world.outputs()) + len(world.dead_letters.messages) == len(FILES)
    assert MAX_ATTEMPTS == 4
