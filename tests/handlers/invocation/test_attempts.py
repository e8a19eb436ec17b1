"""When the next attempt comes, and which messages of a batch are worked on alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.invocation import attempts

NOW = datetime(2024, 1, 15, 12, tzinfo=UTC)
TIMEOUT_SECONDS = 300


def record(name: str, *, receives: int = 1, age_seconds: float = 0) -> dict[str, Any]:
    first = NOW - timedelta(seconds=age_seconds)
    return {
        "messageId": name,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "ApproximateFirstReceiveTimestamp": str(int(first.timestamp() * 1000)),
        },
    }


def split(*records: dict[str, Any]) -> tuple[list[str], list[str]]:
    together, alone = attempts.split(records, now=NOW, timeout_seconds=TIMEOUT_SECONDS)
    return [it["messageId"] for it in together], [it["messageId"] for it in alone]


@pytest.mark.parametrize(("count", "seconds"), [(1, 60), (2, 300), (3, 900), (4, 900), (99, 900)])
def test_the_back_off(count: int, seconds: int):
    assert attempts.back_off_seconds(count) == seconds


@pytest.mark.parametrize(
    ("receives", "age_seconds", "alone"),
    [
        (1, 0, False),
        (1, 3600, False),  # a first receive that the queue has kept waiting
        (2, 60, False),  # failed in order and came back after its back-off
        (4, 1260, False),
        (2, 1799, False),
        (2, 1800, True),  # no sooner does a message of a killed function come back
        (3, 3602, True),
    ],
)
def test_who_is_worked_on_alone(receives: int, age_seconds: float, alone: bool):
    one = record("one", receives=receives, age_seconds=age_seconds)

    assert split(one) == (([], ["one"]) if alone else (["one"], []))


def test_a_message_without_the_time_of_its_first_receive_is_worked_on_with_the_others():
    one = record("one", receives=3)
    del one["attributes"]["ApproximateFirstReceiveTimestamp"]

    assert split(one) == (["one"], [])


@given(st.sets(st.text(min_size=1), min_size=2, max_size=10), st.integers(2, 9))
def test_of_two_that_meet_twice_each_is_first_once(names: set[str], receives: int):
    def order(receives: int) -> list[str]:
        records = [record(name, receives=receives, age_seconds=1801) for name in names]
        return split(*records)[1]

    assert order(receives) == list(reversed(order(receives + 1)))
    assert sorted(order(receives)) == sorted(names)


def test_an_attempt_is_counted_and_dated_from_the_first_receive():
    third = attempts.read_attempt(record("a", receives=3, age_seconds=90), now=NOW)
    assert (third.number, third.received) == (3, NOW - timedelta(seconds=90))
    assert third.fields() == {"attempt": 3, "received": "2024-01-15T11:58:30.000Z"}


def test_an_attempt_without_the_time_of_its_first_receive_is_dated_now():
    message = {"attributes": {"ApproximateReceiveCount": "1"}}
    assert attempts.read_attempt(message, now=NOW).received == NOW
