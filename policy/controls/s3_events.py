"""Controls: the events and the access logs of a bucket."""

from typing import Any, Final

from policy import tokens
from policy.control import control, unless
from policy.controls.s3_encryption import keeps_access_logs
from policy.graph import Graph, Resource

_TRAIL: Final = (
    "A trail belongs to the account, not to a pipeline, and costs per event. Add the buckets' "
    "ARNs to your trail with `aws cloudtrail put-event-selectors`."
)


@control(
    "S3.9",
    "S3 general purpose buckets should have server access logging enabled",
    tokens.BUCKET,
    also=("CKV_AWS_18",),
    option="accessLogs",
)
def logs_access(bucket: Resource, graph: Graph) -> list[str]:
    # In a bucket that logs to itself each log file causes another one.
    if keeps_access_logs(bucket, graph):
        return []
    return unless(
        bool(graph.referring(bucket, tokens.BUCKET_LOGGING, "bucket")), "access is not logged"
    )


@control(
    "S3.22",
    "S3 general purpose buckets should log object-level write events",
    tokens.BUCKET,
    also=("CIS 3.8",),
    waiver=_TRAIL,
)
def logs_writing(bucket: Resource, graph: Graph) -> list[str]:
    return unless(_is_trailed(bucket, graph, "WriteOnly"), "no trail logs its write events")


@control(
    "S3.23",
    "S3 general purpose buckets should log object-level read events",
    tokens.BUCKET,
    also=("CIS 3.9",),
    waiver=_TRAIL,
)
def logs_reading(bucket: Resource, graph: Graph) -> list[str]:
    return unless(_is_trailed(bucket, graph, "ReadOnly"), "no trail logs its read events")


@control(
    "S3.11",
    "S3 general purpose buckets should have event notifications enabled",
    tokens.BUCKET,
    also=("CKV2_AWS_62",),
    waiver="Only the raw bucket's events start anything (PIPE.11). `outputEvents` sends those of "
    "the processed bucket to EventBridge. Nothing follows what is archived.",
)
def sends_events(bucket: Resource, graph: Graph) -> list[str]:
    return unless(
        bool(graph.referring(bucket, tokens.BUCKET_NOTIFICATION, "bucket")), "sends no events"
    )


@control("PIPE.11", "Every way to create an object under incoming/ sends an event, no other does",
         tokens.BUCKET_NOTIFICATION)  # fmt: skip
def notifies_of_every_upload(notification: Resource) -> list[str]:
    if _starts_nothing(notification):
        return []
    return unless(
        [(it.get("events"), it.get("filterPrefix"), it.get("filterSuffix"))
         for it in _targets(notification)]
        == [(["s3:ObjectCreated:*"], "incoming/", None)],
        "is not exactly s3:ObjectCreated:* under incoming/",
    )  # fmt: skip


@control(
    "PIPE.12",
    "Notifications are created after the policy that lets S3 send them",
    tokens.BUCKET_NOTIFICATION,
)
def notifies_whom_it_may(notification: Resource, graph: Graph) -> list[str]:
    if _starts_nothing(notification):  # EventBridge needs no policy
        return []
    opens = [
        *(
            policy
            for queue in graph.referred(notification, "queues", tokens.QUEUE)
            for policy in graph.referring(queue, tokens.QUEUE_POLICY, "queueUrl")
        ),
        *(
            permission
            for function in graph.referred(notification, "lambdaFunctions", tokens.FUNCTION)
            for permission in graph.referring(function, tokens.PERMISSION, "function")
        ),
    ]
    return unless(
        bool(opens) and all(graph.comes_before(it, notification) for it in opens),
        "does not wait for the policy or permission of its target",
    )


@control("PIPE.13", "Notifications are created after the dead-letter queues and their alarms",
         tokens.BUCKET_NOTIFICATION)  # fmt: skip
def notifies_once_failures_are_kept(notification: Resource, graph: Graph) -> list[str]:
    if _starts_nothing(notification):
        return []
    dead_letter_queues = {
        queue.urn: queue
        for source in (*graph.of(tokens.FUNCTION), *graph.of(tokens.QUEUE))
        for prop in ("deadLetterConfig", "redrivePolicy")
        for queue in graph.referred(source, prop, tokens.QUEUE)
    }
    needed = [
        needed
        for queue in dead_letter_queues.values()
        for needed in (
            queue,
            *graph.referring(queue, tokens.QUEUE_POLICY, "queueUrl"),
            *graph.referring(queue, tokens.ALARM, "dimensions"),
        )
    ]
    return unless(bool(needed), "there is no dead-letter queue") + [
        f"does not wait for {it.name}" for it in needed if not graph.comes_before(it, notification)
    ]


@control("PIPE.86", "Both ways to the function exist, so that events can change between them",
         tokens.BUCKET_NOTIFICATION)  # fmt: skip
def has_both_ways(notification: Resource, graph: Graph) -> list[str]:
    if _starts_nothing(notification):
        return []
    mapped = [
        function
        for mapping in graph.of(tokens.MAPPING)
        for function in graph.referred(mapping, "functionName", tokens.FUNCTION)
        if graph.comes_before(mapping, notification)
    ]
    return unless(
        any(graph.referring(it, tokens.PERMISSION, "function") for it in mapped),
        "no function has both a queue that it works on and S3's right to invoke it",
    )


@control("PIPE.14", "A bucket's events go to one target, so that a file is processed once",
         tokens.BUCKET)  # fmt: skip
def has_one_target(bucket: Resource, graph: Graph) -> list[str]:
    found = graph.referring(bucket, tokens.BUCKET_NOTIFICATION, "bucket")
    targets = [target for it in found for target in _targets(it)]
    return unless(len(targets) <= 1, f"sends each event to {len(targets)} targets")


def _starts_nothing(notification: Resource) -> bool:
    """Return whether a notification only tells EventBridge, where consumers may listen."""
    return bool(notification.get("eventbridge")) and not _targets(notification)


def _targets(notification: Resource) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in ("queues", "lambdaFunctions", "topics"):
        found += notification.get(kind) or []
    return found


def _is_trailed(bucket: Resource, graph: Graph, kind: str) -> bool:
    return any(
        selector.get("readWriteType", "All") in {kind, "All"}
        for trail in graph.referring(bucket, tokens.TRAIL, "eventSelectors")
        for selector in trail.get("eventSelectors")
        if any(it.get("type") == "AWS::S3::Object" for it in selector.get("dataResources", []))
    )
