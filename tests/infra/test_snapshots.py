"""With `snapStart` the processor starts from a snapshot, by whatever way it is invoked."""

from typing import Any

import pytest

from tests.infra.recording import ACCOUNT, PROJECT, REGION, Graph, run_program

ALIAS = "aws:lambda/alias:Alias"
FUNCTION = "aws:lambda/function:Function"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
PERMISSION = "aws:lambda/permission:Permission"
RETRIES = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
ADDED = {
    (ALIAS, "data-processor-newest"),
    (RETRIES, "data-processor-newest-retries"),
    (PERMISSION, "delivery-newest-permission"),
}


def run(**settings: str) -> Graph:
    given = {f"{PROJECT}:{key}": value for key, value in settings.items()}
    return run_program({"aws:region": REGION, **given}, stack="dev")


@pytest.fixture(scope="module", params=["true", "false"], ids=["queue", "direct"])
def queue(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def on(queue: str) -> Graph:
    return run(processingQueue=queue, snapStart="true")


@pytest.fixture(scope="module")
def off(queue: str) -> Graph:
    return run(processingQueue=queue)


def alias_arn(graph: Graph) -> str:
    return f"{graph.arn('data-processor')}:{graph.name('data-processor-newest')}"


def test_it_is_off_by_default(off: Graph, queue: str):
    assert changes(off, run(processingQueue=queue, snapStart="false")) == {}
    assert {(it.type, it.name) for it in off.resources} & ADDED == set()
    for function in off.of(FUNCTION):
        assert not {"publish", "snapStart"} & function.inputs.keys()
    function = off.arn("data-processor")
    assert off.outputs["data_processor_lambda_arn"] == function
    assert off.one(MAPPING).inputs["functionName"] == function


def test_each_version_of_the_processor_is_published_with_a_snapshot(on: Graph):
    processor = on.get(FUNCTION, "data-processor")

    assert processor.inputs["publish"] is True
    assert processor.inputs["snapStart"] == {"applyOn": "PublishedVersions"}
    assert on.one(ALIAS).inputs == {
        "description": "The newest version, which starts from a snapshot",
        "functionName": on.name("data-processor"),
        "functionVersion": "1",
    }
    assert on.one(ALIAS).references["functionVersion"] == {processor.urn}


def test_the_archiver_has_no_versions(on: Graph):
    assert not {"publish", "snapStart"} & on.get(FUNCTION, "data-archiver").inputs.keys()


def test_the_processor_is_within_the_limits_of_snapshots(on: Graph):
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
    inputs = on.get(FUNCTION, "data-processor").inputs

    assert inputs["runtime"] in {"python3.12", "python3.13", "python3.14"}
    assert not {"ephemeralStorage", "fileSystemConfig", "imageUri"} & inputs.keys()
    assert [it for it in on.resources if "provisionedConcurrency" in it.type] == []


def test_whatever_invokes_the_processor_does_so_by_the_alias(on: Graph, queue: str):
    assert on.one(MAPPING).inputs["functionName"] == alias_arn(on)
    assert on.outputs["data_processor_lambda_arn"] == alias_arn(on)
    targets: Any = on.one(NOTIFICATION).inputs.get("lambdaFunctions", [])
    expected = [] if queue == "true" else [alias_arn(on)]
    assert [it["lambdaFunctionArn"] for it in targets] == expected


def test_s3_may_invoke_the_alias_for_the_raw_bucket_alone(on: Graph):
    assert on.get(PERMISSION, "delivery-newest-permission").inputs == {
        "action": "lambda:InvokeFunction",
        "function": on.name("data-processor"),
        "qualifier": on.name("data-processor-newest"),
        "principal": "s3.amazonaws.com",
        "sourceArn": on.arn("raw"),
        "sourceAccount": ACCOUNT,
    }


def test_the_aliass_events_are_tried_as_the_functions(on: Graph):
    alias = {"qualifier": on.name("data-processor-newest")}
    function = on.get(RETRIES, "data-processor-retries").inputs

    assert on.get(RETRIES, "data-processor-newest-retries").inputs == {**function, **alias}


def test_the_notification_comes_after_all_that_the_alias_needs(on: Graph):
    assert on.before(on.one(NOTIFICATION)) >= ADDED


def test_the_mapping_comes_after_the_alias(on: Graph):
    assert on.before(on.one(MAPPING)) >= ADDED - {(PERMISSION, "delivery-newest-permission")}


def test_switching_moves_who_invokes_and_takes_no_right_or_retry_away(
    on: Graph, off: Graph, queue: str
):
    moved = set() if queue == "true" else {("delivery-notification", "lambdaFunctions")}

    assert set(changes(off, on)) == {
        ("data-processor", "publish"),
        ("data-processor", "snapStart"),
        ("delivery-mapping", "functionName"),
        ("reconcile", "target"),
        ("reconcile-policy", "policy"),
        *moved,
    }
    names = {(it.type, it.name) for it in off.resources}
    assert {(it.type, it.name) for it in on.resources} == names | ADDED


def test_what_events_on_their_way_need_outlives_the_option(on: Graph, off: Graph):
    # Lambda and S3 still have events with the alias's ARN when it is switched off.
    retained = {(it.type, it.name) for it in on.resources if it.retained}

    assert retained == ADDED
    assert [it for it in off.resources if it.retained] == []


def test_the_mapping_names_the_function_by_an_arn_in_both_cases(on: Graph, off: Graph):
    # The provider sees no difference between an alias's ARN and the function's bare name.
    for graph in (on, off):
        assert graph.one(MAPPING).inputs["functionName"].startswith("arn:")


def test_alarms_and_dashboard_are_of_the_function_with_all_its_versions(on: Graph, off: Graph):
    for token in ("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/dashboard:Dashboard"):
        found = [{it.name: it.inputs for it in graph.of(token)} for graph in (on, off)]
        assert found[0] == found[1]
        assert found[0]


def changes(before: Graph, after: Graph) -> dict[tuple[str, str], object]:
    """Return the inputs of resources of both graphs that differ, but for the archives."""
    others = {it.urn: it for it in after.resources}
    return {
        (it.name, key): others[it.urn].inputs.get(key)
        for it in before.resources
        if it.urn in others
        for key in it.inputs.keys() | others[it.urn].inputs.keys()
        if key != "code" and it.inputs.get(key) != others[it.urn].inputs.get(key)
    }
