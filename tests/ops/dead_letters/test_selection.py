"""Which dead letters a command selects: any of each criterion, and all criteria together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.dead_letters.messages import DeadLetter, Kind, Queue, Selection, Source

NOW = datetime(2024, 1, 15, 12, tzinfo=UTC)


def dead_letter(**changed: Any) -> DeadLetter:
    source = Source(bucket="raw", key=changed.pop("key", "incoming/a.csv"), version="v1")
    usual = {
        "message_id": "m1",
        "queue": Queue.PROCESSOR,
        "sent": NOW - timedelta(hours=2),
        "body": "{}",
        "attributes": {},
        "event": "{}",
        "problem": None,
        "sources": (source,),
        "reason": "S3 answers SlowDown",
        "place": None,
        "kind": "transient",
        "attempts": 4,
    }
    return DeadLetter(**{**usual, **changed})


@pytest.mark.parametrize(
    ("criteria", "selected"),
    [
        ({}, True),
        ({"reasons": ("slowdown",)}, True),
        ({"reasons": ("AccessDenied", "s3 ANSWERS")}, True),
        ({"reasons": ("AccessDenied",)}, False),
        ({"kinds": (Kind.TRANSIENT,)}, True),
        ({"kinds": (Kind.PERMANENT,)}, False),
        ({"kinds": (Kind.PERMANENT, Kind.TRANSIENT)}, True),
        ({"sent_before": NOW - timedelta(hours=2)}, True),
        ({"sent_before": NOW - timedelta(hours=2, seconds=1)}, False),
        ({"sent_after": NOW - timedelta(hours=2)}, True),
        ({"sent_after": NOW - timedelta(hours=2) + timedelta(seconds=1)}, False),
        ({"globs": ("incoming/*.csv",), "versions": ("v1", "v2")}, True),
        ({"globs": ("incoming/*.csv",), "versions": ("v2",)}, False),
        ({"globs": ("*.json", "*.csv"), "kinds": (Kind.PERMANENT,)}, False),
        ({"messages": ("m1",), "reasons": ("slow",)}, True),
        ({"messages": ("m1",), "reasons": ("ragged",)}, False),
    ],
)
def test_every_criterion_that_is_given_must_fit(criteria, selected):
    assert (dead_letter() in Selection(**criteria)) is selected


def test_what_was_killed_is_selected_by_its_own_word_and_by_no_kind():
    killed = dead_letter(reason=None, kind="killed, timed out or not started")
    assert killed in Selection(reasons=("killed",))
    assert killed not in Selection(kinds=(Kind.PERMANENT, Kind.TRANSIENT))


def test_a_key_and_a_version_must_be_those_of_one_source():
    both = dead_letter(
        sources=(
            Source(bucket="raw", key="incoming/a.csv", version="v1"),
            Source(bucket="raw", key="incoming/b.csv", version="v2"),
        )
    )
    assert both in Selection(globs=("*b.csv",), versions=("v2",))
    assert both not in Selection(globs=("*b.csv",), versions=("v1",))


def test_a_dead_letter_without_a_file_fits_no_key():
    assert dead_letter(sources=()) not in Selection(globs=("*",))
