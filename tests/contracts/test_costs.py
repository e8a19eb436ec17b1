"""What `ops` knows of the program, to tell what it costs, is what the program says."""

from dataclasses import asdict, fields

from handlers.environment import Metric
from infra import costs, lifecycle
from infra.settings import Settings
from ops.costs import estimates, storage
from ops.costs.losses import losses
from ops.costs.periods import Period
from ops.costs.plans import ALARM_METRICS, Load, Plan
from ops.costs.prices import REGIONS
from ops.pipeline.usage import settings as read
from tests.infra.recording import run_variant

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
# What is no setting, and what one says in another way.
NOT_SETTINGS = {"kms_key", "alarm_metrics"}


def test_the_minimum_days_are_the_same():
    assert costs.STANDARD_IA_MINIMUM_DAYS == storage.STANDARD_IA_MINIMUM_DAYS
    assert costs.GLACIER_MINIMUM_DAYS == storage.GLACIER_MINIMUM_DAYS


def test_a_plan_has_the_programs_defaults():
    defaults = asdict(Settings(environment="x"))
    plan = {name: value for name, value in asdict(Plan()).items() if name not in NOT_SETTINGS}
    assert plan == {name: defaults[name] for name in plan}
    assert {field.name for field in fields(Plan)} > NOT_SETTINGS


def test_the_alarms_look_at_so_many_metrics():
    looked_at = [
        sum("metric" in query for query in alarm.inputs.get("metricQueries", [])) or 1
        for alarm in run_variant("dev").of(ALARM)
    ]
    assert sum(looked_at) == ALARM_METRICS


def test_every_metric_that_comes_in_without_a_failure_is_counted():
    of_failures = {
        Metric.FILES_FAILED, Metric.FILES_RETRIED, Metric.LOOPS_STOPPED,
    }  # fmt: skip
    counted = {
        *estimates.PROCESSOR_METRICS, *estimates.ARCHIVER_METRICS, *estimates.RECONCILE_METRICS,
    }  # fmt: skip
    assert counted | of_failures == set(Metric)


def test_the_queues_reuse_a_data_key_for_as_long():
    queues = [queue.inputs for queue in run_variant("full").of("aws:sqs/queue:Queue")]
    assert {queue["kmsDataKeyReusePeriodSeconds"] for queue in queues} == {
        estimates.QUEUE_DATA_KEY_SECONDS
    }


def test_the_rules_of_the_buckets_are_read_by_their_ids():
    ids = {
        rule.id for rules in (lifecycle.raw, lifecycle.archive)
        for rule in rules(Settings(environment="x"))
    }  # fmt: skip
    assert {read.COMPLETED_RULE, read.NONCURRENT_RULE, read.ARCHIVE_RULE} <= ids


def test_what_the_preview_warns_of_the_estimate_counts():
    for archive_days, expiration_days in ((7, 365), (90, 120), (20, 30), (90, 365), (60, 0)):
        given = {"archive_days": archive_days, "expiration_days": expiration_days}
        warned = costs.certain_losses(Settings(environment="x", **given))
        load, period = Load(files=10**6, size=10**7), Period(None if expiration_days else 12)
        found = losses(Plan(**given), load, REGIONS["us-east-1"], period)
        counted = {it.setting for it in found} & {"archiveDays", "expirationDays"}
        assert {sentence.split()[0] for sentence in warned} == counted
