"""Which schedule expressions the service takes, and when they run."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cron import ExpressionError
from infra.schedule_expression import At, parse_expression

START = datetime(2024, 1, 1, tzinfo=UTC)

needs_zones = pytest.mark.skipif(
    not available_timezones(), reason="this machine has no time zone database"
)


def instant(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def runs(expression, after, zone="UTC", count=3):
    parsed = parse_expression(expression, start=START, zone=zone)

    def following():
        moment = instant(after)
        while moment := parsed.next_after(moment):
            yield moment

    return [moment.strftime("%Y-%m-%dT%H:%M") for moment in islice(following(), count)]


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        (
            "cron(0 2 * * ? *)",
            "2024-02-28T02:00",
            ["2024-02-29T02:00", "2024-03-01T02:00", "2024-03-02T02:00"],
        ),
        ("cron(0 2 * * ? *)", "2024-01-01T01:59:59", ["2024-01-01T02:00"]),
        (
            "cron(0/20 8-9 ? * MON-FRI *)",
            "2024-01-05T09:30",
            ["2024-01-05T09:40", "2024-01-08T08:00", "2024-01-08T08:20"],
        ),
        (
            "cron(15 */12 ? * 1,sat *)",
            "2024-01-05T00:00",
            ["2024-01-06T00:15", "2024-01-06T12:15", "2024-01-07T00:15"],
        ),
        (
            "cron(0 0 31 * ? *)",
            "2024-01-31T00:00",
            ["2024-03-31T00:00", "2024-05-31T00:00", "2024-07-31T00:00"],
        ),
        ("cron(0 0 29 FEB ? *)", "2024-03-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        (
            "cron(0 0 1 JAN,jul ? 2025)",
            "2024-03-01T00:00",
            ["2025-01-01T00:00", "2025-07-01T00:00"],
        ),
        ("cron(0 0 1 1 ? 2024/2)", "2024-01-01T00:00", ["2026-01-01T00:00", "2028-01-01T00:00"]),
        ("cron(0 0 30 2 ? *)", "2024-01-01T00:00", []),
        ("cron(0 0 1 1 ? 2020)", "2024-01-01T00:00", []),
        # The last day, the last workday, the workday nearest to a day; none in another month.
        ("cron(0 2 L 2 ? *)", "2024-01-01T00:00", ["2024-02-29T02:00", "2025-02-28T02:00"]),
        ("cron(0 2 LW * ? *)", "2024-03-01T00:00", ["2024-03-29T02:00", "2024-04-30T02:00"]),
        ("cron(0 2 1W * ? *)", "2024-06-01T00:00", ["2024-06-03T02:00", "2024-07-01T02:00"]),
        ("cron(0 2 15W * ? *)", "2024-06-01T00:00", ["2024-06-14T02:00", "2024-07-15T02:00"]),
        ("cron(0 2 31W * ? *)", "2024-02-01T00:00", ["2024-03-29T02:00", "2024-05-31T02:00"]),
        # The last of a weekday, its n-th, Saturday.
        ("cron(0 2 ? * 6L *)", "2024-01-01T00:00", ["2024-01-26T02:00", "2024-02-23T02:00"]),
        ("cron(0 2 ? * MON#5 *)", "2024-01-01T00:00", ["2024-01-29T02:00", "2024-04-29T02:00"]),
        ("cron(0 2 ? * 4L *)", "2024-01-01T00:00", ["2024-01-31T02:00", "2024-02-28T02:00"]),
        ("cron(0 2 ? * TUE#1 *)", "2024-04-30T00:00", ["2024-05-07T02:00", "2024-06-04T02:00"]),
        ("cron(0 2 ? * L *)", "2024-01-01T00:00", ["2024-01-06T02:00", "2024-01-13T02:00"]),
        ("rate(1 day)", "2024-01-01T00:00", ["2024-01-02T00:00", "2024-01-03T00:00"]),
        ("rate(90 minutes)", "2024-01-01T01:00", ["2024-01-01T01:30", "2024-01-01T03:00"]),
        ("rate(2 hours)", "2023-12-01T00:00", ["2024-01-01T02:00"]),
        ("at(2024-05-06T07:08:00)", "2024-05-06T07:07:59", ["2024-05-06T07:08"]),
        ("at(2024-05-06T07:08:00)", "2024-05-06T07:08:00", []),
    ],
)
def test_the_next_runs(expression, after, expected):
    count = len(expected) or 1
    assert runs(expression, after, count=count) == expected


@needs_zones
@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        # Europe/Berlin: no 02:30 on 31 March 2024, two on 27 October 2024.
        ("cron(30 2 * * ? *)", "2024-03-29T12:00", ["2024-03-30T01:30", "2024-04-01T00:30"]),
        ("cron(30 2 * * ? *)", "2024-10-26T12:00", ["2024-10-27T00:30", "2024-10-28T01:30"]),
        ("cron(30 0 ? * MON *)", "2024-01-07T22:00", ["2024-01-07T23:30", "2024-01-14T23:30"]),
        ("at(2024-07-01T12:00:00)", "2024-01-01T00:00", ["2024-07-01T10:00"]),
    ],
)
def test_a_time_zone_and_its_changes(expression, after, expected):
    assert runs(expression, after, zone="Europe/Berlin", count=len(expected)) == expected


@needs_zones
@given(
    st.integers(915_148_800, 4_102_444_800),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]),
)
def test_a_run_is_later_and_matches_and_nothing_lies_between(seconds, zone):
    after = datetime.fromtimestamp(seconds, UTC)
    parsed = parse_expression("cron(10,40 3 ? * TUE,SUN *)", start=START, zone=zone)
    run = parsed.next_after(after)

    def matches(moment):
        local = moment.astimezone(ZoneInfo(zone))
        return (local.minute in {10, 40}, local.hour, local.isoweekday() in {2, 7}) == (
            True,
            3,
            True,
        )

    assert run > after
    assert matches(run)
    first = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    between = (first + timedelta(minutes=10 * n) for n in range(9 * 144))
    aligned = (moment - timedelta(minutes=moment.minute % 10) for moment in between)
    assert not [moment for moment in aligned if after < moment < run and matches(moment)]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", r"schedule expression is '', allowed: cron\(minutes hours"),
        ("0 2 * * ? *", "allowed: cron"),
        ("cron(0 2 * * ?)", "allowed: cron"),
        ("cron(0 2 * * * *)", r"\? in exactly one of day-of-month and day-of-week"),
        ("cron(0 2 ? * ? *)", r"\? in exactly one of"),
        ("cron(60 2 * * ? *)", r"minutes is '60', allowed: \* or 0 to 59 as values"),
        ("cron(0 24 * * ? *)", "hours is '24', allowed: .* 0 to 23"),
        ("cron(0 2 0 * ? *)", "day-of-month is '0', allowed: .* 1 to 31"),
        ("cron(0 2 32W * ? *)", "day-of-month is '32', allowed: .* 1 to 31"),
        ("cron(0 2 WL * ? *)", "day-of-month is 'WL', allowed: .* 1 to 31"),
        ("cron(0 2 1,L * ? *)", "day-of-month is '1,L', allowed: .* 1 to 31"),
        ("cron(0 2 * FOO ? *)", r"month is 'FOO', allowed: .* 1 to 12 \(JAN to DEC\)"),
        ("cron(0 2 ? * 3#6 *)", r"day-of-week is '3#6', allowed: .* 1 to 7 \(SUN to SAT\)"),
        ("cron(0 2 ? * 8 *)", r"day-of-week is '8', allowed: .* 1 to 7 \(SUN to SAT\)"),
        ("cron(0 2 ? * FRI-MON *)", r"day-of-week is 'FRI-MON', allowed: .* 1 to 7"),
        ("cron(0 2 * * ? *) ", "allowed: cron"),
        ("rate(100000 days)", "allowed: cron"),
        ("cron(0 2 * * ? 1969)", "year is '1969', allowed: .* 1970 to 2199"),
        ("cron(5-1 2 * * ? *)", "minutes is '5-1'"),
        ("cron(0/0 2 * * ? *)", "minutes is '0/0'"),
        ("cron(1, 2 * * ? *)", "minutes is '1,'"),
        ("cron(٣ 2 * * ? *)", "minutes is '٣'"),
        ("rate(0 days)", "allowed: cron"),
        ("rate(1 days)", "a singular unit after 1"),
        ("rate(2 day)", "a plural one otherwise"),
        ("rate(5 seconds)", "allowed: cron"),
        ("at(2024-02-30T00:00:00)", "at is '2024-02-30T00:00:00', allowed: a time that exists"),
        ("at(tomorrow)", "allowed: cron"),
    ],
)
def test_a_wrong_expression_says_what_is_allowed(expression, message):
    with pytest.raises(ExpressionError, match=message):
        parse_expression(expression, start=START)


def test_a_wrong_time_zone_says_what_is_allowed():
    with pytest.raises(ExpressionError, match="time zone is 'Mars/Olympus', allowed: a name"):
        parse_expression("cron(0 2 * * ? *)", start=START, zone="Mars/Olympus")


@pytest.mark.parametrize(
    ("schedule", "daily"),
    [
        ("cron(0 2 * * ? *)", True),
        ("cron(0 2 ? * * *)", True),
        ("cron(0/5 * * * ? *)", True),
        ("rate(1 day)", True),
        ("rate(6 hours)", True),
        ("rate(2 days)", False),
        ("rate(25 hours)", False),
        ("rate(1441 minutes)", False),
        ("cron(0 2 1-31 * ? *)", True),
        ("cron(0 2 1-30 * ? *)", False),
        ("cron(0 2 L * ? *)", False),
        ("cron(0 2 ? * MON-FRI *)", False),
        ("cron(0 2 1 * ? *)", False),
        ("cron(0 2 * JAN ? *)", False),
        ("cron(0 2 * * ? 2030)", False),
    ],
)
def test_which_schedules_run_daily(schedule: str, daily: bool):
    expression = parse_expression(schedule, start=START)

    assert not isinstance(expression, At)
    assert expression.is_daily is daily
