"""What `doctor` simulates is what the program grants, and it looks for the program's alarms."""

import pytest

from infra import permissions
from ops.pipeline import grants
from ops.pipeline.doctor.alarms import ALARMS
from ops.pipeline.grants import Grant
from ops.stack import Stack
from tests.contracts.test_permissions import grants as granted
from tests.infra.recording import REGION, run_program, stack_config

ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:p-dev-data-{{}}-1234567"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}"
BUCKETS = {name: f"arn:aws:s3:::{name}" for name in ("raw", "processed", "archive")}
STACK = Stack(
    raw_bucket_name="raw",
    processed_bucket_name="processed",
    archive_bucket_name="archive",
    data_processor_lambda_arn=f"{FUNCTION.format('processor')}:newest-7654321",
    data_archiver_lambda_arn=FUNCTION.format("archiver"),
    processing_queue_url="https://queues/files",
    dlq_url="https://queues/dead-letters",
    archiver_dlq_url="https://queues/archiver-dead-letters",
    region=REGION,
)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
EXPECTED = {
    "processor": (
        grants.processor(STACK),
        [
            *permissions.processor(
                **BUCKETS, dead_letters=QUEUE.format("dead-letters"), account=ACCOUNT
            ),
            permissions.consume_queue(QUEUE.format("files")),
            permissions.read_metrics(),
        ],
    ),
    "archiver": (
        grants.archiver(STACK),
        [
            *permissions.archiver(
                processed=BUCKETS["processed"], archive=BUCKETS["archive"], account=ACCOUNT
            ),
            permissions.invoke(FUNCTION.format("archiver")),
        ],
    ),
    "replays": (
        grants.replay_files(STACK),
        permissions.replay_files(raw=BUCKETS["raw"], account=ACCOUNT),
    ),
    "datasets": (
        grants.replace_outputs(STACK),
        permissions.replace_outputs(
            processed=BUCKETS["processed"], archive=BUCKETS["archive"], account=ACCOUNT
        ),
    ),
    "jobs": (
        grants.run_jobs(STACK),
        permissions.run_jobs(
            processed=BUCKETS["processed"], function=FUNCTION.format("processor"), account=ACCOUNT
        ),
    ),
    "failures": (
        [grants.send(QUEUE.format("a"))],
        [permissions.send_failures(QUEUE.format("a"))],
    ),
    "schedule": (
        [grants.invoke(FUNCTION.format("archiver"))],
        [permissions.invoke(FUNCTION.format("archiver"))],
    ),
    "logs": (
        [grants.write_logs(STACK, "group")],
        [permissions.write_logs(f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:group")],
    ),
    "key": (
        [grants.use_key(KEY)],
        [permissions.use_key(KEY, region=REGION, services=["s3", "sqs"])],
    ),
}


def pairs(wanted: list[Grant]) -> list[tuple[str, str]]:
    return [(action, arn) for one in wanted for arn in one.resources for action in one.actions]


@pytest.mark.parametrize(("wanted", "written"), EXPECTED.values(), ids=EXPECTED)
def test_what_is_simulated_is_what_the_program_grants(wanted, written):
    assert set(pairs(wanted)) == granted(written)
    assert len(pairs(wanted)) == len(set(pairs(wanted)))  # each is simulated once


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_alarms_that_are_looked_for_are_those_of_every_stack(stack):
    weekly = {"s3-data-pipeline:archiveSchedule": "rate(7 days)"}
    graph = run_program({"aws:region": REGION, **stack_config(stack), **weekly}, stack=stack)
    made = {it.name for it in graph.of("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert set(ALARMS) == made - {"no-files"}
    assert graph.prefix == f"s3-data-pipeline-{stack}"
