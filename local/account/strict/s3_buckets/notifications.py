"""Refuse notification configurations that are ambiguous or whose destination is out of reach.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-enable-disable-notification-intro.html
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from moto.awslambda.models import lambda_backends
from moto.s3.models import FakeBucket
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local.account.strict.errors import invalid_argument
from local.account.strict.patches import around
from local.account.strict.s3_requests import resource_policies
from local.account.strict.s3_requests.exchanges import current_exchange

_SERVICE: Final = "s3.amazonaws.com"
# For each kind of destination, the action that its policy has to allow.
_ACTIONS: Final = {
    "Queue": "sqs:SendMessage",
    "Topic": "sns:Publish",
    "CloudFunction": "lambda:InvokeFunction",
}


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """One rule of a configuration: which events of which keys go to which destination."""

    name: str | None
    kind: str
    arn: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def overlaps(self, other: "_Rule") -> bool:
        """Return whether an event of a key could match both rules."""
        return (
            any(_same_event(one, two) for one in self.events for two in other.events)
            and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))
            and (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix))
        )


@around(FakeBucket, "set_notification_configuration")
def _set_notification_configuration(original: Any, self: Any, configuration: Any) -> None:
    rules = list(_rules(configuration or {}))
    _check_names(rules)
    if any(one.overlaps(two) for one, two in combinations(rules, 2)):
        raise invalid_argument(
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules "
            "if the prefixes are overlapping for the same event type."
        )
    if not _skips_validation() and not all(_deliverable(rule, self) for rule in rules):
        raise invalid_argument("Unable to validate the following destination configurations")
    original(self, configuration)


def _rules(configuration: dict[str, Any]) -> Iterator[_Rule]:
    for kind in _ACTIONS:
        for entry in _entries(configuration, kind):
            values = _filter_values(entry.get("Filter"))
            yield _Rule(
                name=entry.get("Id"),
                kind=kind,
                arn=entry[kind],
                events=tuple(entry["Event"]),
                prefix=values.get("prefix", ""),
                suffix=values.get("suffix", ""),
            )


def _entries(configuration: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return configuration.get(f"{kind}Configuration") or []


def _filter_values(chosen: dict[str, Any] | None) -> dict[str, str]:
    rules: list[dict[str, str]] = chosen["S3Key"]["FilterRule"] if chosen else []
    return {rule["Name"].lower(): rule["Value"] for rule in rules}


def _same_event(one: str, two: str) -> bool:
    return one == two or resource_policies.matches(one, two) or resource_policies.matches(two, one)


def _check_names(rules: list[_Rule]) -> None:
    names = [rule.name for rule in rules if rule.name is not None]
    if len(names) != len(set(names)):
        raise invalid_argument(
            "Same ID used for multiple configurations. IDs must be unique for each configuration."
        )


def _skips_validation() -> bool:
    exchange = current_exchange()
    header = exchange and exchange.headers.get("x-amz-skip-destination-validation")
    return str(header).lower() == "true"


def _deliverable(rule: _Rule, bucket: Any) -> bool:
    policy = _policy(rule)
    context = {
        "aws:sourcearn": bucket.arn,
        "aws:sourceaccount": bucket.account_id,
        "aws:securetransport": "true",
    }
    return policy is not None and resource_policies.allows(
        policy, service=_SERVICE, action=_ACTIONS[rule.kind], resource=rule.arn, context=context
    )


def _policy(rule: _Rule) -> dict[str, Any] | None:
    """Return the policy of the destination, or None if there is none."""
    region, owner, name = rule.arn.split(":")[3:6]
    if rule.kind == "Queue":
        queue = sqs_backends[owner][region].queues.get(name)
        return json.loads(queue.policy) if queue and queue.policy else None
    if rule.kind == "Topic":
        topic = sns_backends[owner][region].topics.get(rule.arn)
        return topic and json.loads(topic.policy)
    return _function_policy(rule.arn, owner, region)


def _function_policy(arn: str, account: str, region: str) -> dict[str, Any] | None:
    function = lambda_backends[account][region].get_function_by_arn(arn)
    return function and {"Statement": function.policy.statements}
