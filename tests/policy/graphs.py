"""The four graphs that the controls are run over: dev, prod, every option on, and direct mode."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache

from infra.settings import Settings, config_key, rule_of
from policy.graph import Graph, Resource
from tests.infra import recording
from tests.infra.recording import (
    ACCOUNT,
    KEY,
    PROJECT,
    REGION,
    Registered,
    run_program,
    stack_config,
)

# What a setting that is no flag and no number is set to in the graph of every option, and numbers
# whose neighbours are not allowed.
SAMPLES: Mapping[str, str] = {
    "environment": "production",
    "rawBucketName": "acme-raw",
    "processedBucketName": "acme-processed",
    "archiveBucketName": "acme-archive",
    "archiveSchedule": "cron(30 3 * * ? *)",
    "reconcileSchedule": "rate(12 hours)",
    "logRetentionDays": "400",
    "logLevel": "WARNING",
    "fallbackEncoding": "cp1252",
    "datasetsPath": "./datasets",
    "alarmEmail": "ops@example.com",
    "kmsKeyArn": KEY,
    "permissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "producerPrincipals": "arn:aws:iam::210987654321:role/producer",
    "consumerPrincipals": "arn:aws:iam::210987654321:root,210987654321",
}


def every_option() -> dict[str, str]:
    """Return each setting on, or set to something other than its default.

    A flag is on. A number is the next that its rule allows. Anything else has a sample: ValueError
    names a new setting that has none.
    """
    return {config_key(setting): _other(config_key(setting)) for setting in fields(Settings)}


def _other(key: str) -> str:
    setting = next(it for it in fields(Settings) if config_key(it) == key)
    rule, default = rule_of(setting), setting.default
    if key in SAMPLES:
        return SAMPLES[key]
    if isinstance(default, bool):
        # Without the queue is a graph of its own.
        return "true"
    if isinstance(default, int):
        for candidate in (default + 1, default - 1):
            try:
                return str(rule.parse(str(candidate)))
            except ValueError:
                continue
    msg = f"{key} has no sample for the graph of every option: give it one in SAMPLES"
    raise ValueError(msg)


def _variants() -> dict[str, tuple[str, dict[str, str]]]:
    return {
        "dev": ("dev", {}),
        "prod": ("prod", {}),
        "every option": ("prod", every_option()),
        "direct": ("dev", {"processingQueue": "false"}),
    }


NAMES = ("dev", "prod", "every option", "direct")


@cache
def graph(name: str) -> Graph:
    """Return one of the four graphs."""
    stack, extra = _variants()[name]
    return run(stack, extra)


@cache
def with_option(key: str) -> Graph:
    """Return the graph of dev with one option alone."""
    return run("dev", {key: every_option()[key]})


def run(stack: str, extra: Mapping[str, str]) -> Graph:
    """Return the graph of a stack with some settings beside those of its file."""
    config = {
        "aws:region": REGION,
        **stack_config(stack),
        **{f"{PROJECT}:{key}": value for key, value in extra.items()},
    }
    return of_recorded(run_program(config, stack=stack))


def of_recorded(recorded: recording.Graph) -> Graph:
    """Return what the recording engine was told, as the controls see it."""
    return Graph(tuple(_resource(it) for it in recorded.resources))


def _resource(it: Registered) -> Resource:
    return Resource(
        type=it.type,
        name=it.logical_name,
        urn=it.urn,
        inputs=it.inputs,
        protect=it.protect,
        provider=it.provider.rpartition("::")[0],
        references=it.references,
        dependencies=it.dependencies,
    )
