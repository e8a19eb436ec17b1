"""Define the alarms; the description of each is its run book. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pulumi import Input, Output

from handlers.environment import Metric
from infra.measures import AGE, VISIBLE, Measure, Watched, WatchedQueue

_FIVE_MINUTES: Final = 300
_MINUTE: Final = 60
_QUARTER: Final = 900
_HOUR: Final = 3600
# The window of such an alarm slides, and is looked at each minute, so that the alarm goes off as
# soon as the sum is passed: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
# Those over more than a day are looked at once an hour.
_DAY: Final = 86_400
_GIGABYTE: Final = 10**9
# If one attempt in five fails for half an hour, its cause does not go away by itself.
_MANY_RETRIES_PERCENT: Final = 20
# A daily run that is up to two hours late is not yet missed.
_MISSED_AFTER_HOURS: Final = 26
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_WarmUpConfiguration.html
_MAX_QUIET_MINUTES: Final = 2_880
# Half of the time that the handlers reserve to finish: one that uses more is about to be killed.
_NEAR_SHARE: Final = 0.1
_NEAR_SECONDS: Final = 15.0


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm, and what a person has to do about it.

    Attributes:
        name: unique in the pipeline.
        meaning: what has happened.
        check: what to look at first.
        command: the command that shows it, ready to be run.
        measures: by their identifiers in `expression`; a single one without an expression.
        expression: a metric expression over the measures.
        threshold: in the measure's unit; the alarm is on from this value up, or below it.
        below: whether the alarm is on for values below the threshold instead.
        period_seconds: the length of a data point.
        periods: how many data points in a row turn the alarm on.
        missing: what missing data means, a value of CloudWatch's `TreatMissingData`.
        quiet_minutes: how long after its creation the alarm stays off, for lack of data.
    """

    name: str
    meaning: str
    check: str
    command: Input[str]
    measures: Mapping[str, Measure]
    threshold: float
    expression: str | None = None
    below: bool = False
    period_seconds: int = _FIVE_MINUTES
    periods: int = 1
    missing: str = "notBreaching"
    quiet_minutes: int | None = None


def of_function(watched: Watched) -> list[Alarm]:
    """Return the alarms of every function."""
    label = watched.label
    command = watched.errors_command()
    near_seconds = min(watched.timeout_seconds * _NEAR_SHARE, _NEAR_SECONDS)
    return [
        Alarm(
            name=f"{label}-errors",
            meaning=f"An invocation of the {label} ended with an error, a time-out or a crash.",
            check="The error and its trace in the function's log.",
            command=command,
            measures={"errors": watched.measure("Errors")},
            threshold=1,
        ),
        Alarm(
            name=f"{label}-throttles",
            meaning=f"For 15 minutes Lambda has refused invocations of the {label}.",
            check="The account's concurrency limit in this region, and who uses it up; without "
            "the processing queue, maxConcurrency.",
            command="aws lambda get-account-settings --query AccountLimit",
            measures={"throttles": watched.measure("Throttles")},
            threshold=1,
            periods=3,
        ),
        Alarm(
            name=f"{label}-near-timeout",
            meaning=f"An invocation of the {label} came within {near_seconds:g} s of its time-out, "
            "though it leaves off earlier by itself: one step hangs, or it lacks memory.",
            check="Duration and memory used of the longest invocations in the log.",
            command=watched.log_command("REPORT"),
            measures={"duration": watched.measure("Duration", "Maximum")},
            threshold=1000 * (watched.timeout_seconds - near_seconds),
        ),
        Alarm(
            name=f"{label}-access-denied",
            meaning=f"AWS denies the {label} a permission that it needs. Files wait and are tried "
            "again, then go to the dead-letter queue.",
            check="The denied action and resource in the log; then policies of buckets, key, role.",
            command=watched.log_command("?AccessDenied ?403"),
            measures={"denied": watched.own(Metric.ACCESS_DENIED)},
            threshold=1,
        ),
    ]


def of_runaway(watched: Watched, *, daily_gigabytes: int, daily_lambda_seconds: int) -> list[Alarm]:
    """Return the alarms for a function that does far more than usual; 0 stands for no alarm.

    Bytes and seconds have a limit each: a gigabyte in tiny files takes a thousand times longer.
    """
    label = watched.label
    command = watched.log_command("?processed ?archived ?failed")
    check = "How many files, and which, by the log; then whether outputs come back (loops)."
    written = Alarm(
        name=f"{label}-bytes-written",
        meaning=f"Within 24 hours the {label} has written {daily_gigabytes} GB to S3, as much as "
        "dailyGigabytesAlarm allows: what is stored and requested costs money.",
        check=check,
        command=command,
        measures={"written": watched.own(Metric.BYTES_WRITTEN)},
        threshold=daily_gigabytes * _GIGABYTE,
        period_seconds=_DAY,
    )
    seconds = Alarm(
        name=f"{label}-lambda-seconds",
        meaning=f"Within 24 hours the {label} has run for {daily_lambda_seconds} s in all, as "
        "long as dailyLambdaSecondsAlarm allows: each second costs money.",
        check=check,
        command=command,
        measures={"duration": watched.measure("Duration")},
        threshold=daily_lambda_seconds * 1000,  # Lambda measures in milliseconds
        period_seconds=_DAY,
    )
    return [*([written] if daily_gigabytes else []), *([seconds] if daily_lambda_seconds else [])]


def of_processor(
    processor: Watched, *, max_rejected_percent: int, expect_files_every_hours: int
) -> list[Alarm]:
    """Return the alarms that only the processor has; 0 hours: no files are expected."""
    silence = Alarm(
        name="no-files",
        meaning=f"No file has been processed for {expect_files_every_hours} hours, while "
        "expectFilesEveryHours says that some come in.",
        check="Whether producers upload; then the processing queue and the processor's errors.",
        command=processor.errors_command(),
        measures={"processed": processor.own(Metric.FILES_PROCESSED)},
        threshold=1,
        below=True,
        period_seconds=_HOUR,
        periods=expect_files_every_hours,
        missing="breaching",
        quiet_minutes=min(expect_files_every_hours * 60, _MAX_QUIET_MINUTES),
    )
    return [
        Alarm(
            name="files-failed",
            meaning="A file has failed for good in the last minutes. The alarm on the dead-letter "
            "queue tells of it too, but stays on while an earlier one waits there.",
            check="The reason, key and version in the log or in the dead-letter queue.",
            command=processor.log_command("{ $.message = failed }"),
            measures={"failed": processor.own(Metric.FILES_FAILED)},
            threshold=1,
        ),
        Alarm(
            name="many-retries",
            meaning=f"For half an hour {_MANY_RETRIES_PERCENT} % of the attempts at files have "
            "failed for causes that should pass. Files wait and are tried again.",
            check="The reasons in the log: throttling, time-outs, permissions, an outage of S3.",
            command=processor.log_command('{ $.message = "attempt failed" }'),
            measures={
                "retried": processor.own(Metric.FILES_RETRIED),
                "processed": processor.own(Metric.FILES_PROCESSED),
            },
            expression="100 * retried / (retried + processed)",
            threshold=_MANY_RETRIES_PERCENT,
            period_seconds=_QUARTER,
            periods=2,
        ),
        Alarm(
            name="loops",
            meaning="The same content came back again and again, and was stopped: outputs are "
            "copied back to incoming/, or a file does not come to an end.",
            check="The key and reason in the log; then rules, replications and jobs that write to "
            "incoming/.",
            command=processor.log_command("{ $.message = failed }"),
            measures={"stopped": processor.own(Metric.LOOPS_STOPPED)},
            threshold=1,
        ),
        *([silence] if expect_files_every_hours else []),
        Alarm(
            name="rejected-records",
            meaning="In an hour more than half of what maxRejectedPercent allows was rejected; "
            "files above it fail altogether.",
            check="Which files; then the reasons, under rejected/ of the processed bucket.",
            command=processor.log_command("{ $.records_rejected > 0 }"),
            measures={
                "rejected": processor.own(Metric.RECORDS_REJECTED),
                "records": processor.own(Metric.RECORDS_IN),
            },
            expression="100 * rejected / records",
            threshold=max(max_rejected_percent / 2, 0.01),
            period_seconds=_HOUR,
        ),
        Alarm(
            name="dead-letters-lost",
            meaning="An event failed for good and did not reach the dead-letter queue. Its file "
            "stays under incoming/ without anything that would process it.",
            check="The failed events in the log; then what is left under incoming/.",
            command=processor.errors_command(),
            measures={"lost": processor.measure("DeadLetterErrors")},
            threshold=1,
        ),
    ]


def of_archiver(archiver: Watched, *, runs_daily: bool) -> list[Alarm]:
    """Return the alarms that only the archiver has; without a daily run none can be missed."""
    failures = Alarm(
        name="archive-failures",
        meaning="The archiver could not move some objects. They stay in the processed bucket, and "
        "the next run tries them again. A run of which S3 lets nothing be deleted ends early.",
        check="The keys and reasons in the function's log.",
        command=archiver.log_command("{ $.key = * }"),
        measures={"failures": archiver.own(Metric.ARCHIVE_FAILURES)},
        threshold=1,
    )
    unindexed = Alarm(
        name="bundles-without-index",
        meaning="A bundle of the archive has had no index for a day. What it holds is whole, and "
        "queries read it; but each run begins by trying to finish the bundle.",
        check="Which bundle, and why, in the log: in GLACIER, damaged, or its outputs stay.",
        command=archiver.log_command('"bundle without index"'),
        # Of the invocations that share a run, each counts for itself.
        measures={"bundles": archiver.own(Metric.BUNDLES_WITHOUT_INDEX, "Maximum")},
        threshold=1,
    )
    lost = Alarm(
        name="archiver-reports-lost",
        meaning="A run of the archiver failed, and its report did not reach the dead-letter queue.",
        check="The archiver's errors, then the policy of its role and queue.",
        command=archiver.errors_command(),
        measures={"lost": archiver.measure("DestinationDeliveryFailures")},
        threshold=1,
    )
    missed = Alarm(
        name="archiver-missed",
        meaning=f"The archiver has not run for {_MISSED_AFTER_HOURS} hours. Outputs stay in the "
        "processed bucket longer than agreed; nothing is lost.",
        check="Whether the schedule is enabled; then the archiver's dead-letter queue.",
        command="aws scheduler list-schedules --query 'Schedules[].[Name,State]'",
        measures={"runs": archiver.measure("Invocations")},
        threshold=1,
        below=True,
        period_seconds=_HOUR,
        periods=_MISSED_AFTER_HOURS,
        missing="breaching",
        quiet_minutes=_MISSED_AFTER_HOURS * 60,
    )
    return [failures, unindexed, lost, *([missed] if runs_daily else [])]


def of_dead_letters(queue: WatchedQueue) -> Alarm:
    """Return the alarm for files that failed for good."""
    return Alarm(
        name="dead-letters",
        meaning="At least one file could not be processed, or a run that looks for files left in "
        "incoming/ failed. A file stays under incoming/ of the raw bucket; its message waits in "
        "the dead-letter queue until it expires.",
        check="The reason, key, version and place in the attributes of the message.",
        command=_receive(queue),
        measures={"visible": queue.measure(VISIBLE)},
        threshold=1,
    )


def of_archiver_dead_letters(queue: WatchedQueue) -> Alarm:
    """Return the alarm for runs of the archiver that failed or were not delivered."""
    return Alarm(
        name="archiver-dead-letters",
        meaning="A run of the archiver failed three times, or the schedule could not deliver it. "
        "The next run makes good for it; nothing is lost.",
        check="The error in the message; then the archiver's log.",
        command=_receive(queue),
        measures={"visible": queue.measure(VISIBLE)},
        threshold=1,
    )


def of_queue(queue: WatchedQueue, *, max_lag_minutes: int) -> Alarm:
    """Return the alarm for files that have been waiting for long."""
    return Alarm(
        name="oldest-message",
        meaning=f"A file has waited for {max_lag_minutes} minutes. Files come in faster than they "
        "are processed, the pipeline is paused, the processor does not run, or its attempts fail.",
        check="`python -m ops status`: whether it is paused, how many messages wait; then the "
        "processor's errors, throttles.",
        command=Output.concat(
            "aws sqs get-queue-attributes --attribute-names All --queue-url ", queue.url
        ),
        measures={"age": queue.measure(AGE)},
        threshold=max_lag_minutes * _MINUTE,
    )


def _receive(queue: WatchedQueue) -> Output[str]:
    return Output.concat(
        "aws sqs receive-message --queue-url ",
        queue.url,
        " --message-attribute-names All --max-number-of-messages 10 --visibility-timeout 5",
    )
