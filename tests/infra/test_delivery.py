from tests.infra.recording import ACCOUNT, Graph

NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
PERMISSION = "aws:lambda/permission:Permission"
FILTER = {"id": "incoming", "events": ["s3:ObjectCreated:*"], "filterPrefix": "incoming/"}


def test_events_go_to_the_queue(dev: Graph):
    assert dev.one(NOTIFICATION).inputs == {
        "bucket": dev.name("raw"),
        "queues": [{"queueArn": dev.arn("files"), **FILTER}],
    }
    assert dev.of(PERMISSION) == []


def test_the_queue_is_read_in_batches_that_fail_in_part(dev: Graph):
    assert dev.one(MAPPING).inputs == {
        "eventSourceArn": dev.arn("files"),
        "functionName": dev.name("data-processor"),
        "batchSize": 10,
        "maximumBatchingWindowInSeconds": 1,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "scalingConfig": {"maximumConcurrency": 10},
    }


def test_events_go_to_the_function_without_the_queue(direct: Graph):
    assert direct.one(NOTIFICATION).inputs == {
        "bucket": direct.name("raw"),
        "lambdaFunctions": [{"lambdaFunctionArn": direct.arn("data-processor"), **FILTER}],
    }
    assert direct.one(PERMISSION).inputs == {
        "action": "lambda:InvokeFunction",
        "function": direct.name("data-processor"),
        "principal": "s3.amazonaws.com",
        "sourceArn": direct.arn("raw"),
        "sourceAccount": ACCOUNT,
    }
    assert direct.of(MAPPING) == []


def test_the_notification_comes_after_what_lets_s3_in(dev: Graph, direct: Graph):
    # Without: "Unable to validate the following destination configurations".
    assert ("aws:sqs/queuePolicy:QueuePolicy", "files-policy") in dev.before(dev.one(NOTIFICATION))
    assert (PERMISSION, "delivery-permission") in direct.before(direct.one(NOTIFICATION))


def test_the_notification_comes_after_all_that_a_file_meets(graph: Graph):
    before = graph.before(graph.one(NOTIFICATION))

    for bucket in ("raw", "processed", "archive"):
        component = graph.get("s3-data-pipeline:index:DataBucket", bucket)
        assert {(it.type, it.name) for it in graph.inside(component)} <= before
    processor = graph.get("s3-data-pipeline:index:PipelineFunction", "data-processor")
    assert {(it.type, it.name) for it in graph.inside(processor)} <= before
    assert {(it.type, it.name) for it in graph.of(MAPPING)} <= before


def test_the_mapping_comes_after_the_function_is_ready(dev: Graph):
    # Lambda checks that the role may read the queue when the mapping is made.
    before = dev.before(dev.one(MAPPING))

    processor = dev.get("s3-data-pipeline:index:PipelineFunction", "data-processor")
    ready = {(it.type, it.name) for it in dev.inside(processor)}
    assert ("aws:iam/rolePolicy:RolePolicy", "data-processor-policy") in ready
    assert ready <= before
