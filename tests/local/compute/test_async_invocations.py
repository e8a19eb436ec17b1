import json
import textwrap
import threading
import time
from datetime import UTC, datetime

import pytest
from moto.awslambda.models import LambdaFunction

from local.account.server import Account
from local.compute.async_invocations import AsynchronousInvocations, AsynchronousSettings
from local.compute.destinations import _queue_url, dead_letter_queue, on_failure_queue
from local.compute.functions import LocalFunction
from local.compute.lambda_service import LambdaService
from local.compute.outcome import Failure, Invocation

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:work"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
RECORDS = "arn:aws:sqs:us-east-1:123456789012:records"
NO_WAIT = (0.0, 0.0)


class Stub:
    """A function that fails `failures` times an event, and remembers what it was given."""

    def __init__(self, failures=0, message="broken"):
        self.failures = failures
        self.message = message
        self.calls = []
        self.times = []
        self._lock = threading.Lock()

    def invoke(self, payload, *, request_id=None):
        with self._lock:
            self.times.append(time.monotonic())
            self.calls.append((payload, request_id))
            attempt = self.calls.count((payload, request_id))
        if attempt > self.failures:
            return Invocation(request_id=request_id, body=b"null")
        failure = Failure(type="LookupError", message=self.message)
        document = {"errorType": failure.type, "errorMessage": failure.message}
        return Invocation(
            request_id=request_id, body=json.dumps(document).encode(), failure=failure
        )


@pytest.fixture(scope="module")
def account():
    with Account() as account:
        yield account


@pytest.fixture
def sqs(account):
    account.reset()
    client = account.client("sqs")
    for name in ("dead", "records"):
        client.create_queue(QueueName=name)
    return client


@pytest.fixture
def events():
    made = []

    def make(function, on_attempt=None, **changes):
        settings = {"function_arn": FUNCTION, "back_off_seconds": NO_WAIT} | changes
        made.append(
            AsynchronousInvocations(
                function, AsynchronousSettings(**settings), on_attempt=on_attempt
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


def messages(sqs, name):
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    response = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )
    return response.get("Messages", [])


def test_an_event_that_succeeds_is_run_once(events, sqs):
    stub = Stub()
    made = events(stub, destinations=[dead_letter_queue(sqs, DEAD)])
    name = made.submit({"n": 1})
    made.drain(5)
    assert stub.calls == [({"n": 1}, name)]
    assert messages(sqs, "dead") == []


@pytest.mark.parametrize(("failures", "retries", "attempts"), [(1, 2, 2), (2, 2, 3), (1, 1, 2)])
def test_a_failed_event_is_tried_again_under_its_id(events, sqs, failures, retries, attempts):
    stub = Stub(failures)
    made = events(stub, retries=retries, destinations=[dead_letter_queue(sqs, DEAD)])
    name = made.submit("e")
    made.drain(5)
    assert stub.calls == [("e", name)] * attempts
    assert messages(sqs, "dead") == []


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_an_event_that_always_fails_is_a_dead_letter(events, sqs, retries):
    stub = Stub(9, message="Grün" * 1000)
    made = events(stub, retries=retries, destinations=[dead_letter_queue(sqs, DEAD)])
    name = made.submit({"Records": [1]})
    made.drain(5)
    assert len(stub.calls) == retries + 1
    [dead_letter] = messages(sqs, "dead")
    assert json.loads(dead_letter["Body"]) == {"Records": [1]}
    attributes = dead_letter["MessageAttributes"]
    assert attributes["RequestID"] == {"DataType": "String", "StringValue": name}
    assert attributes["ErrorCode"] == {"DataType": "Number", "StringValue": "200"}
    message = attributes["ErrorMessage"]["StringValue"]
    assert message == ("Grün" * 1000).encode()[:1024].decode(errors="ignore")


def test_a_failure_without_words_is_told_by_its_type(events, sqs):
    made = events(Stub(9, message=""), destinations=[dead_letter_queue(sqs, DEAD)])
    made.submit(1)
    made.drain(5)
    [dead_letter] = messages(sqs, "dead")
    assert dead_letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "LookupError"


def test_an_on_failure_destination_gets_the_record_that_lambda_writes(events, sqs):
    moment = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    to = on_failure_queue(sqs, RECORDS, now=lambda: moment)
    made = events(Stub(9), destinations=[to, dead_letter_queue(sqs, DEAD)])
    name = made.submit({"n": 1})
    made.drain(5)
    [record] = messages(sqs, "records")
    assert json.loads(record["Body"]) == {
        "version": "1.0",
        "timestamp": "2024-01-15T10:30:00.000Z",
        "requestContext": {
            "requestId": name,
            "functionArn": f"{FUNCTION}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"n": 1},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": {"errorType": "LookupError", "errorMessage": "broken"},
    }
    assert len(messages(sqs, "dead")) == 1


def test_the_back_off_comes_between_the_attempts(events):
    stub = Stub(9)
    made = events(stub, back_off_seconds=(0.2, 0.4))
    made.submit(1)
    made.drain(5)
    first, second, third = stub.times
    assert 0.2 <= second - first < 0.4 <= third - second


def test_a_waiting_event_holds_no_other_back(events):
    stub = Stub(1)
    made = events(stub, back_off_seconds=(0.3, 0), concurrency=1)
    for number in range(3):
        made.submit(number)
    made.drain(5)
    assert [payload for payload, _ in stub.calls] == [0, 1, 2, 0, 1, 2]


def test_a_destination_that_fails_ends_nothing_else(events, sqs):
    bad = dead_letter_queue(sqs, "arn:aws:sns:us-east-1:123456789012:topic")
    stub = Stub(9)
    made = events(stub, destinations=[bad], retries=0, concurrency=1)
    made.submit(1)
    made.submit(2)
    made.drain(5)
    assert [payload for payload, _ in stub.calls] == [1, 2]


def test_another_destination_than_a_queue_is_refused(sqs):
    with pytest.raises(ValueError, match="allowed on this machine: the ARN of an SQS queue"):
        _queue_url(sqs, "arn:aws:sns:us-east-1:123456789012:topic")


def test_drain_says_what_is_left_and_close_drops_it(events):
    made = events(Stub(9), back_off_seconds=(60, 120))
    made.submit(1)
    with pytest.raises(TimeoutError, match=r"after 0.2 s 1 events wait"):
        made.drain(0.2)
    made.close()
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        made.submit(2)


def test_each_attempt_is_told(events):
    told = []
    made = events(Stub(1), on_attempt=told.append)
    made.submit(1)
    made.drain(5)
    assert [bool(invocation.failure) for invocation in told] == [True, False]


@pytest.mark.parametrize("retries", [-1, 3])
def test_other_retries_are_refused(retries):
    with pytest.raises(ValueError, match=f"retries is {retries}, allowed: 0 to 2"):
        AsynchronousSettings(function_arn=FUNCTION, retries=retries)


HANDLER = """
    import json, os, boto3

    def handle(event, context):
        print("got", json.dumps(event))
        boto3.client("sqs").send_message(QueueUrl=os.environ["OUT"], MessageBody=json.dumps(event))
        if event.get("again"):
            boto3.client("lambda").invoke(
                FunctionName=context.invoked_function_arn, InvocationType="Event",
                Payload=json.dumps({"again": event["again"] - 1}),
            )
        if "fail" in event:
            raise LookupError(event["fail"])
        return {"answer": event}
"""


@pytest.fixture
def deployed(account, sqs, events, tmp_path):
    """A function on moto and here, with its dead-letter queue; yields what a test drives."""
    (tmp_path / "work.py").write_text(textwrap.dedent(HANDLER))
    sqs.create_queue(QueueName="out")
    iam = account.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    awslambda = account.client("lambda")
    for name in ("work", "unregistered"):
        awslambda.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="work.handle",
            Code={"ZipFile": b"not read"},
        )
    with (
        LocalFunction(
            name="work",
            archive=tmp_path,
            handler="work.handle",
            timeout_seconds=30,
            memory_mb=512,
            environment={"OUT": sqs.get_queue_url(QueueName="out")["QueueUrl"]},
            endpoint_url=account.endpoint_url,
        ) as function,
        LambdaService() as service,
    ):
        queue = events(function, destinations=[dead_letter_queue(sqs, DEAD)])
        service.register(function, queue)
        yield service, queue, awslambda


def bodies(sqs, name):
    return [json.loads(message["Body"]) for message in messages(sqs, name)]


def test_a_client_invokes_the_function_and_gets_its_answer(deployed):
    service, _, awslambda = deployed
    response = awslambda.invoke(FunctionName="work", Payload=b'{"n": 1}', LogType="Tail")
    assert json.loads(response["Payload"].read()) == {"answer": {"n": 1}}
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in response
    assert service.invoke("work", {"n": 2}).payload == {"answer": {"n": 2}}
    empty = awslambda.invoke(FunctionName=FUNCTION)
    assert json.loads(empty["Payload"].read()) == {"answer": {}}


def test_a_client_gets_the_functions_error(deployed):
    _, _, awslambda = deployed
    response = awslambda.invoke(FunctionName="work", Payload=b'{"fail": "no"}')
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    document = json.loads(response["Payload"].read())
    assert (document["errorType"], document["errorMessage"]) == ("LookupError", "no")


def test_a_client_that_does_not_wait(deployed, sqs):
    _, queue, awslambda = deployed
    response = awslambda.invoke(
        FunctionName="work", Payload=b'{"fail": "no"}', InvocationType="Event"
    )
    assert (response["StatusCode"], response["Payload"].read()) == (202, b"")
    queue.drain(20)
    assert bodies(sqs, "out") == [{"fail": "no"}] * 3
    assert bodies(sqs, "dead") == [{"fail": "no"}]


def test_a_dry_run_runs_nothing(deployed, sqs):
    _, _, awslambda = deployed
    response = awslambda.invoke(FunctionName="work", InvocationType="DryRun")
    assert response["StatusCode"] == 204
    assert bodies(sqs, "out") == []


def test_a_function_goes_on_in_an_event_to_itself(deployed, sqs):
    service, queue, _ = deployed
    service.submit("work", {"again": 2})
    queue.drain(20)
    assert bodies(sqs, "out") == [{"again": 2}, {"again": 1}, {"again": 0}]


def test_a_payload_that_is_no_json_is_refused(deployed):
    _, _, awslambda = deployed
    with pytest.raises(
        awslambda.exceptions.InvalidRequestContentException, match="Could not parse"
    ):
        awslambda.invoke(FunctionName="work", Payload=b"{")


def test_a_function_that_is_not_registered_is_not_found(deployed):
    service, _, awslambda = deployed
    with pytest.raises(awslambda.exceptions.ResourceNotFoundException, match="unregistered"):
        awslambda.invoke(FunctionName="unregistered")
    with pytest.raises(KeyError):
        service.invoke("unregistered", {})


def test_an_upload_reaches_the_function_as_an_event(deployed, account, sqs):
    _, queue, _ = deployed
    s3 = account.client("s3")
    s3.create_bucket(Bucket="raw")
    s3.put_bucket_notification_configuration(
        Bucket="raw",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"]}
            ]
        },
        SkipDestinationValidation=True,
    )
    s3.put_object(Bucket="raw", Key="incoming/a b.csv", Body=b"x")
    received = wait_for(lambda: bodies(sqs, "out"))
    queue.drain(20)
    [record] = received[0]["Records"]
    assert record["s3"]["bucket"]["name"] == "raw"
    assert record["s3"]["object"]["key"] == "incoming/a+b.csv"


def test_one_service_at_a_time_and_moto_gets_its_own_back():
    original = LambdaFunction.invoke
    with LambdaService():
        assert LambdaFunction.invoke is not original
        with pytest.raises(RuntimeError, match="another local Lambda service is installed"):
            LambdaService().install()
    assert LambdaFunction.invoke is original
    service = LambdaService().install()
    service.close()
    service.close()
    assert LambdaFunction.invoke is original


def wait_for(condition, seconds=15):
    limit = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < limit
        time.sleep(0.05)
    return found
