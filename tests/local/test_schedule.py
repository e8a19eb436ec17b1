import json
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.account import Account
from local.destinations import schedule_dead_letter_queue
from local.expression import ExpressionError, parse_expression
from local.schedule import Schedule, ScheduleRunner

START = datetime(2024, 1, 1, tzinfo=UTC)
ARN = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/daily"
TARGET = "arn:aws:lambda:us-east-1:123456789012:function:archiver"

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
        ("cron(0 2 L * ? *)", "day-of-month is 'L', allowed: .* 1 to 31"),
        ("cron(0 2 * FOO ? *)", r"month is 'FOO', allowed: .* 1 to 12 \(JAN to DEC\)"),
        ("cron(0 2 ? * 3#2 *)", r"day-of-week is '3#2', allowed: .* 1 to 7 \(SUN to SAT\)"),
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


def schedule(deliver, **changes):
    settings = {
        "arn": ARN,
        "expression": parse_expression("cron(0 2 * * ? *)", start=START),
        "target_arn": TARGET,
        "deliver": deliver,
    }
    return Schedule(**settings | changes)


def test_the_input_is_filled_in():
    inputs = []
    text = json.dumps(
        {
            "time": "<aws.scheduler.scheduled-time>",
            "ids": ["<aws.scheduler.execution-id>", "<aws.scheduler.schedule-arn>"],
            "attempt": "<aws.scheduler.attempt-number>",
            "other": "<aws.scheduler.unknown>",
        }
    )
    moment = datetime(2024, 1, 15, 4, 0, tzinfo=timezone(timedelta(hours=1)))
    run = schedule(inputs.append, input=text).run_now(moment, execution_id="e-1")
    assert inputs == [
        {
            "time": "2024-01-15T03:00:00Z",
            "ids": ["e-1", ARN],
            "attempt": "1",
            "other": "<aws.scheduler.unknown>",
        }
    ]
    assert (json.loads(run.input), run.attempts, run.error) == (inputs[0], 1, None)


def test_each_run_has_an_execution_of_its_own():
    inputs = []
    daily = schedule(inputs.append, input='"<aws.scheduler.execution-id>"')
    daily.run_now(START)
    daily.run_now(START)
    assert len(set(inputs)) == 2


def test_a_failed_delivery_is_tried_again():
    inputs = []

    def deliver(value):
        inputs.append(value)
        if len(inputs) < 3:
            raise ConnectionError

    run = schedule(deliver, input="<aws.scheduler.attempt-number>").run_now(START)
    assert inputs == [1, 2, 3]
    assert (run.attempts, run.error) == (3, None)


@pytest.mark.parametrize("retries", [-1, 186])
def test_retries_have_limits(retries):
    with pytest.raises(ValueError, match=f"retry_attempts is {retries}, allowed: 0 to 185"):
        schedule(print, retry_attempts=retries)


def refuse(_):
    raise LookupError("Function not found")


def test_what_cannot_be_delivered_is_a_dead_letter():
    with Account() as account:
        sqs = account.client("sqs")
        url = sqs.create_queue(QueueName="missed")["QueueUrl"]
        run = schedule(
            refuse,
            input='{"time": "<aws.scheduler.scheduled-time>"}',
            retry_attempts=2,
            send_dead_letter=schedule_dead_letter_queue(
                sqs, "arn:aws:sqs:us-east-1:123456789012:missed"
            ),
        ).run_now(START, execution_id="e-2")
        [letter] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert (run.attempts, str(run.error)) == (3, "Function not found")
    assert json.loads(letter["Body"]) == {"time": "2024-01-01T00:00:00Z"}
    attributes = letter["MessageAttributes"]
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "ERROR_CODE": "LookupError",
        "ERROR_MESSAGE": "Function not found",
        "EXECUTION_ID": "e-2",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "2",
        "SCHEDULED_TIME": "2024-01-01T00:00:00Z",
        "SCHEDULE_ARN": ARN,
        "TARGET_ARN": TARGET,
    }


def test_without_a_dead_letter_queue_the_run_says_why():
    assert str(schedule(refuse, retry_attempts=0).run_now(START).error) == "Function not found"


class Clock:
    """A time that jumps to where it is told, in steps of a millisecond of waiting."""

    def __init__(self, moment):
        self.moment = moment

    def __call__(self):
        return self.moment


def test_the_runner_delivers_what_is_due_when_it_is_due(monkeypatch):
    monkeypatch.setattr("local.schedule._LOOK_SECONDS", 0.01)
    clock = Clock(instant("2024-01-01T01:00"))
    delivered, done = [], threading.Semaphore(0)

    def record(run):
        delivered.append((run.scheduled_time, run.input))
        done.release()

    daily = schedule(lambda _: None, input='"daily"')
    hourly = schedule(
        lambda _: None, input='"hourly"', expression=parse_expression("rate(1 hour)", start=START)
    )
    runner = ScheduleRunner(daily, hourly, now=clock, on_run=record)
    runner.start()
    with pytest.raises(RuntimeError, match="run already"):
        runner.start()
    time.sleep(0.1)
    assert delivered == []
    clock.moment = instant("2024-01-01T03:30")
    for _ in range(3):
        assert done.acquire(timeout=5)
    time.sleep(0.1)
    runner.stop()
    runner.stop()
    assert delivered == [
        (instant("2024-01-01T02:00"), '"daily"'),
        (instant("2024-01-01T02:00"), '"hourly"'),
        (instant("2024-01-01T03:00"), '"hourly"'),
    ]


def test_a_lost_dead_letter_ends_nothing_else():
    def lose(body, attributes):
        raise ConnectionError(body, attributes)

    moment = instant("2024-01-01T00:00:00")
    runs = []
    done = threading.Event()

    def record(run):
        runs.append(run.input)
        done.set()

    at = parse_expression("at(2024-01-01T00:00:01)", start=START)
    lost = schedule(refuse, expression=at, retry_attempts=0, send_dead_letter=lose)
    good = schedule(lambda _: None, expression=at, input="1")
    clock = Clock(moment)
    runner = ScheduleRunner(lost, good, now=clock, on_run=record)
    runner.start()
    clock.moment = instant("2024-01-01T00:00:02")
    assert done.wait(5)
    runner.stop()
    assert runs == ["1"]


def test_a_runner_with_nothing_to_do_ends():
    runner = ScheduleRunner(now=Clock(START))
    runner.start()
    runner._thread.join(5)
    assert not runner._thread.is_alive()
    runner.stop()
