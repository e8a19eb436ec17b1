"""Controls: the content of alarms and of the dashboard."""

from policy import tokens
from policy.control import control, unless
from policy.graph import Graph, Resource


@control(
    "CloudWatch.15",
    "CloudWatch alarms should have specified actions configured",
    tokens.ALARM,
)
def acts(alarm: Resource, graph: Graph) -> list[str]:
    return unless(
        bool(graph.referred(alarm, "alarmActions", tokens.TOPIC)), "tells nobody of its alarm"
    )


@control(
    "CloudWatch.17",
    "CloudWatch alarm actions should be activated",
    tokens.ALARM,
    also=("CKV_AWS_319",),
)
def is_activated(alarm: Resource) -> list[str]:
    return unless(alarm.get("actionsEnabled") in {None, True}, "its actions are switched off")


@control("PIPE.88", "An alarm is created after the topic's policy, which lets it publish",
         tokens.ALARM)  # fmt: skip
def waits_for_its_topic(alarm: Resource, graph: Graph) -> list[str]:
    return [
        f"does not wait for {policy.name}"
        for topic in graph.referred(alarm, "alarmActions", tokens.TOPIC)
        for policy in graph.referring(topic, tokens.TOPIC_POLICY, "arn")
        if not graph.comes_before(policy, alarm)
    ]


@control("PIPE.61", "An alarm also notifies when it is over", tokens.ALARM)
def tells_its_end(alarm: Resource, graph: Graph) -> list[str]:
    return unless(
        bool(graph.referred(alarm, "okActions", tokens.TOPIC)), "tells nobody that it is over"
    )


@control("PIPE.62", "An alarm says what it means, what to check, and by which command",
         tokens.ALARM)  # fmt: skip
def is_its_own_run_book(alarm: Resource) -> list[str]:
    text = alarm.get("alarmDescription") or ""
    parts = ("Meaning: ", "First check: ", "Command: ")
    return [f"its description has no {part.strip()}" for part in parts if part not in text]


@control("PIPE.63", "An alarm sets what missing data means", tokens.ALARM)
def says_what_no_data_means(alarm: Resource) -> list[str]:
    found = alarm.get("treatMissingData")
    return unless(found in {"breaching", "notBreaching"}, f"treatMissingData is {found}")


@control("PIPE.72", "The dashboard is named by its stack", tokens.DASHBOARD)
def is_named_by_its_stack(dashboard: Resource) -> list[str]:
    stack = dashboard.urn.split("::")[0].rpartition(":")[2]
    return unless(
        stack in dashboard.inputs["dashboardName"].split("-"), "two stacks of an account would meet"
    )


@control("PIPE.73", "The dashboard shows every alarm", tokens.DASHBOARD)
def shows_every_alarm(dashboard: Resource, graph: Graph) -> list[str]:
    return [
        f"{it.name} is not on it"
        for it in graph.of(tokens.ALARM)
        if not dashboard.refers_to(it, "dashboardBody")
    ]
