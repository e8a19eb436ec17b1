import pytest

from tests.infra.recording import ACCOUNT, PROJECT, REGION, Graph, run_program

NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
DELIVERY = "delivery-notification"
OUTPUT_EVENTS = {f"{PROJECT}:outputEvents": "true"}
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
PERMISSION = "aws:lambda/permission:Permission"
FILTER = {"id": "incoming", "events": ["s3:ObjectCreated:*"], "filterPrefix": "incoming/"}


def test_events_go_to_the_queue(dev: Graph):
    assert dev.one(NOTIFICATION).inputs == {
        "bucket": dev.name("raw"),
        "queues": [{"queueArn": dev.arn("files"), **FILTER}],
    }


def test_events_go_to_the_function_where_the_queue_is_passed_by(direct: Graph):
    assert direct.one(NOTIFICATION).inputs == {
        "bucket": direct.name("raw"),
        "lambdaFunctions": [{"lambdaFunctionArn": direct.arn("data-processor"), **FILTER}],
    }


def test_the_queue_is_read_in_batches_that_fail_in_part(graph: Graph):
    assert graph.one(MAPPING).inputs == {
        "eventSourceArn": graph.arn("files"),
        "functionName": graph.outputs["data_processor_lambda_arn"],
        "batchSize": 10,
        "maximumBatchingWindowInSeconds": 1,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "scalingConfig": {"maximumConcurrency": 10},
    }


@pytest.mark.parametrize(("queue", "reserved"), [("true", None), ("false", 7)])
def test_both_ways_have_the_same_concurrency(queue: str, reserved: int | None):
    settings = {f"{PROJECT}:maxConcurrency": "7", f"{PROJECT}:processingQueue": queue}
    graph = run_program({"aws:region": REGION, **settings}, stack="dev")

    assert graph.one(MAPPING).inputs["scalingConfig"] == {"maximumConcurrency": 7}
    processor = graph.get("aws:lambda/function:Function", "data-processor")
    assert processor.inputs.get("reservedConcurrentExecutions") == reserved


def test_s3_may_invoke_the_processor_for_the_raw_bucket_alone(graph: Graph):
    assert graph.get(PERMISSION, "delivery-permission").inputs == {
        "action": "lambda:InvokeFunction",
        "function": graph.name("data-processor"),
        "principal": "s3.amazonaws.com",
        "sourceArn": graph.arn("raw"),
        "sourceAccount": ACCOUNT,
    }


def test_the_notification_comes_after_what_lets_s3_in(graph: Graph):
    # Without: "Unable to validate the following destination configurations".
    before = graph.before(graph.get(NOTIFICATION, DELIVERY))

    assert ("aws:sqs/queuePolicy:QueuePolicy", "files-policy") in before
    assert (PERMISSION, "delivery-permission") in before


def test_the_notification_comes_after_all_that_a_file_meets(graph: Graph):
    before = graph.before(graph.get(NOTIFICATION, DELIVERY))

    for component in ("raw", "processed", "archive", "files", "dead-letters", "data-processor"):
        assert graph.all_of(component) <= before, component
    assert (MAPPING, "delivery-mapping") in before


def test_nobody_is_left_untold_of_the_first_files_failure(graph: Graph):
    before = graph.before(graph.get(NOTIFICATION, DELIVERY))

    assert {
        ("aws:sqs/queuePolicy:QueuePolicy", "dead-letters-policy"),
        ("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "files-redrive-allow"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "dead-letters"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "oldest-message"),
        (
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            "data-processor-retries",
        ),
    } <= before


def test_the_mapping_comes_after_the_function_is_ready(graph: Graph):
    # Lambda checks that the role may read the queue when the mapping is made.
    before = graph.before(graph.one(MAPPING))

    ready = graph.all_of("data-processor")
    assert ("aws:iam/rolePolicy:RolePolicy", "data-processor-policy") in ready
    assert ready <= before


def test_outputs_send_events_to_event_bridge_where_that_is_asked_for(full: Graph):
    found = full.get(NOTIFICATION, "output-events-notification")

    assert found.inputs == {"bucket": "acme-processed", "eventbridge": True}
    # S3 answers 409 to a change of a bucket while another is under way.
    assert full.all_of("processed") <= full.before(found)


def test_output_events_may_be_switched_off_again_where_data_is_protected():
    graph = run_program({"aws:region": REGION, **OUTPUT_EVENTS}, stack="prod")

    found = graph.get(NOTIFICATION, "output-events-notification")
    assert graph.get("aws:s3/bucket:Bucket", "processed").protect
    assert not found.protect
