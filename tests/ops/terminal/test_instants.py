"""Durations as an operator types them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ops.terminal import instants
from ops.terminal.problems import UsageError


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("2h", timedelta(hours=2)),
        ("30min", timedelta(minutes=30)),
        ("1d12h", timedelta(days=1.5)),
        ("0s", timedelta()),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_duration_is_read(text, duration):
    assert instants.parse_duration(text, "--older-than") == duration


@pytest.mark.parametrize(
    "text", ["", "2", "h", "2 h", "2H", "-1h", "1.5h", "2m", "3651d", "²h", "1h!"]
)
def test_what_is_no_duration_is_refused_with_what_is_allowed(text):
    with pytest.raises(UsageError, match=r"--older-than is .*, allowed: .*2h, 30min or 1d12h"):
        instants.parse_duration(text, "--older-than")


@given(some.text())
def test_no_text_is_anything_but_a_duration_or_a_usage_error(text):
    try:
        assert instants.parse_duration(text, "--older-than") >= timedelta()
    except UsageError:
        assert text not in {"1h", "1d"}
