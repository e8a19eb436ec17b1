import json
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from infra.schedule_expression import parse_expression
from local.account.server import Account
from local.compute.destinations import schedule_dead_letter_queue
from local.triggers.scheduler import Schedule, ScheduleRunner

START = datetime(2024, 1, 1, tzinfo=UTC)
ARN = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/daily"
TARGET = "arn:aws:lambda:us-east-1:123456789012:function:archiver"


def instant(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


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

    text = '["<aws.scheduler.execution-id>", <aws.scheduler.attempt-number>]'
    run = schedule(deliver, input=text).run_now(START)
    assert [attempt for _, attempt in inputs] == [1, 2, 3]
    assert len({execution for execution, _ in inputs}) == 1
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
        [dead_letter] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert (run.attempts, str(run.error)) == (3, "Function not found")
    assert json.loads(dead_letter["Body"]) == {"time": "2024-01-01T00:00:00Z"}
    attributes = dead_letter["MessageAttributes"]
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
    monkeypatch.setattr("local.triggers.scheduler._LOOK_SECONDS", 0.01)
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
    with pytest.raises(RuntimeError, match="runs already"):
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


def test_a_stopped_runner_begins_no_other_schedule():
    """The first one's delivery is under way when the runner is stopped."""
    begun, delivered = threading.Event(), []

    def deliver(value):
        delivered.append(value)
        begun.set()
        assert runner._background.stopping.wait(5)

    at = parse_expression("at(2024-01-01T00:00:01)", start=START)
    both = [schedule(deliver, expression=at, input=text) for text in ("1", "2")]
    clock = Clock(START)
    runner = ScheduleRunner(*both, now=clock)
    runner.start()
    clock.moment = instant("2024-01-01T00:00:02")
    assert begun.wait(5)
    runner.stop()
    assert delivered == [1]


def test_a_runner_with_nothing_to_do_ends():
    runner = ScheduleRunner(now=Clock(START))
    runner.start()
    thread = runner._background._thread
    assert thread
    thread.join(5)
    assert not thread.is_alive()
    runner.stop()
