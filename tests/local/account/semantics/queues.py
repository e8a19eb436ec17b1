"""Rules of SQS and Lambda."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from local.account.strict.lambda_ import mappings

from .buckets import make_function
from .table import refused, semantic

SEND = "botocore sqs SendMessage, API_SendMessage.html"
METADATA = "sqs-message-metadata.html"
CREATE = "botocore lambda CreateFunction, gettingstarted-limits.html"
MAPPING = "botocore lambda CreateEventSourceMapping"


def text(value, kind="String"):
    return {"DataType": kind, "StringValue": value}


def send(aws, url, body="body", **attributes):
    return aws.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)


@semantic("message-body-characters", f"{SEND} MessageBody")
def _(aws):
    url, _ = aws.queue()
    for body in ("\x00", "a\x1fb", "\ufffe"):
        with refused("InvalidMessageContents"):
            send(aws, url, body)
    assert aws.messages(url) == []
    send(aws, url, "\t\n\r é 𐀀")
    assert [message["Body"] for message in aws.messages(url)] == ["\t\n\r é 𐀀"]


@semantic("message-body-is-not-empty", f"{SEND} MessageBody")
def _(aws):
    url, _ = aws.queue()
    with refused("MissingParameter"):
        send(aws, url, "")
    assert aws.messages(url) == []


@semantic("message-at-most-1-mib", f"{SEND} MessageBody; quotas-messages.html")
def _(aws):
    url, _ = aws.queue()
    with refused("InvalidParameterValue"):
        send(aws, url, "é" * 600_000)
    with refused("InvalidParameterValue"):
        send(aws, url, "x" * (1024 * 1024 - 7), a=text("v"))
    assert aws.messages(url) == []
    send(aws, url, "x" * (1024 * 1024 - 8), a=text("v"))
    assert len(aws.messages(url)) == 1
    binary = {"DataType": "Binary", "BinaryValue": b"12"}
    with refused("InvalidParameterValue"):
        send(aws, url, "x" * (1024 * 1024 - 8), a=binary)
    small, _ = aws.queue("small", MaximumMessageSize="1024")
    with refused("InvalidParameterValue"):
        send(aws, small, "x" * 1017, a=text("v"))
    send(aws, small, "x" * 1016, a=text("v"))


@semantic("message-attributes-at-most-10", METADATA)
def _(aws):
    url, _ = aws.queue()
    send(aws, url, **{f"a{number}": text("v") for number in range(10)})
    with refused("InvalidParameterValue"):
        send(aws, url, **{f"a{number}": text("v") for number in range(11)})
    (message,) = aws.messages(url)
    assert len(message["MessageAttributes"]) == 10


INVALID_ATTRIBUTES = {
    "empty-value": {"a": text("")},
    "no-value": {"a": {"DataType": "String"}},
    "reserved-name": {"AWS.a": text("v")},
    "dotted-name": {"a..b": text("v")},
    "long-name": {"a" * 257: text("v")},
    "number": {"a": text("ten", "Number")},
    "characters": {"a": text("\x00")},
}


def check_attribute(attributes):
    def check(aws):
        url, _ = aws.queue()
        with refused("InvalidParameterValue"):
            send(aws, url, **attributes)
        assert aws.messages(url) == []

    return check


for _name, _attributes in INVALID_ATTRIBUTES.items():
    semantic(f"message-attribute-{_name}", METADATA)(check_attribute(_attributes))


@semantic("message-attribute-name-characters", METADATA, moto=True)
def _(aws):
    url, _ = aws.queue()
    with refused("InvalidParameterValue"):
        send(aws, url, **{"a b": text("v")})


@semantic("batch-fails-by-entry", "API_SendMessageBatch.html")
def _(aws):
    url, _ = aws.queue()
    entries = [{"Id": "good", "MessageBody": "good"}, {"Id": "bad", "MessageBody": "\x00"}]
    answer = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [
        ("bad", "InvalidMessageContents")
    ]
    assert [message["Body"] for message in aws.messages(url)] == ["good"]


@semantic("receive-at-most-10", "API_ReceiveMessage.html MaxNumberOfMessages", moto=True)
def _(aws):
    url, _ = aws.queue()
    send(aws, url)
    with refused("InvalidParameterValue"):
        aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    assert len(aws.messages(url)) == 1


@semantic("receive-hides-for-the-timeout", "sqs-visibility-timeout.html", moto=None)
def _(aws):
    url, _ = aws.queue(VisibilityTimeout="1")
    send(aws, url)
    (first,) = aws.messages(url)
    assert aws.messages(url) == []
    began = time.monotonic()
    (second,) = aws.messages(url, WaitTimeSeconds=5)
    assert time.monotonic() - began < 4
    assert second["MessageId"] == first["MessageId"]
    counts = [one["Attributes"]["ApproximateReceiveCount"] for one in (first, second)]
    assert counts == ["1", "2"]


@semantic("redrive-after-the-last-receive", "sqs-dead-letter-queues.html", moto=True)
def _(aws):
    dead, arn = aws.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url, _ = aws.queue(VisibilityTimeout="0", RedrivePolicy=redrive)
    sent = send(aws, url, "body", reason=text("why"))
    assert len(aws.messages(url)) == len(aws.messages(url)) == 1
    assert aws.messages(dead) == []
    assert aws.messages(url) == []
    (message,) = aws.messages(dead)
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "body")
    assert message["MessageAttributes"]["reason"]["StringValue"] == "why"


@semantic("redrive-counts-from-1-to-1000", "API_SetQueueAttributes.html RedrivePolicy")
def _(aws):
    _, arn = aws.queue("dead")
    for receives in (0, 1001):
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": receives})
        with refused("InvalidParameterValue"):
            aws.queue(RedrivePolicy=redrive)
    assert len(aws.sqs.list_queues()["QueueUrls"]) == 1


@semantic("redrive-needs-to-be-allowed", "API_SetQueueAttributes.html RedriveAllowPolicy")
def _(aws):
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:::x"]})
    dead, arn = aws.queue("dead", RedriveAllowPolicy=allow)
    answer = aws.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["RedriveAllowPolicy"])
    assert answer["Attributes"]["RedriveAllowPolicy"] == allow
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    with refused("InvalidParameterValue"):
        aws.queue(RedrivePolicy=redrive)

    def change(permission):
        changed = {"RedriveAllowPolicy": json.dumps(permission)}
        aws.sqs.set_queue_attributes(QueueUrl=dead, Attributes=changed)

    change({"redrivePermission": "denyAll"})
    with refused("InvalidParameterValue"):
        aws.queue(RedrivePolicy=redrive)
    named = arn.replace(":dead", ":a-queue")
    change({"redrivePermission": "byQueue", "sourceQueueArns": [named]})
    aws.queue(RedrivePolicy=redrive)


@semantic("delete-by-an-outdated-handle", "API_DeleteMessage.html")
def _(aws):
    url, _ = aws.queue(VisibilityTimeout="0")
    send(aws, url)
    (first,), (second,) = aws.messages(url), aws.messages(url)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    (third,) = aws.messages(url)
    assert third["MessageId"] == second["MessageId"]
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=third["ReceiptHandle"])
    assert aws.messages(url) == []


@semantic("visibility-of-what-is-in-flight", "API_ChangeMessageVisibility.html")
def _(aws):
    url, _ = aws.queue()
    send(aws, url)
    (message,) = aws.messages(url)
    named = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    aws.sqs.change_message_visibility(**named, VisibilityTimeout=0)
    with refused("InvalidParameterValue"):
        aws.sqs.change_message_visibility(**named, VisibilityTimeout=100)
    assert len(aws.messages(url)) == 1
    # In flight again, by another handle.
    with refused("InvalidParameterValue"):
        aws.sqs.change_message_visibility(**named, VisibilityTimeout=0)
    assert aws.messages(url) == []


@semantic("visibility-from-0-to-12-hours", "API_ChangeMessageVisibility.html")
def _(aws):
    url, _ = aws.queue()
    send(aws, url)
    (message,) = aws.messages(url)
    for seconds in (-1, 43_200, 43_201):
        with refused("InvalidParameterValue"):
            aws.sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
            )
    assert aws.messages(url) == []


@semantic("queue-policy-stays", "API_SetQueueAttributes.html")
def _(aws):
    url, arn = aws.queue()
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    for attributes in ({"Policy": json.dumps(policy)}, {"VisibilityTimeout": "60"}):
        aws.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    answer = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert json.loads(answer["Policy"]) == policy
    assert answer["VisibilityTimeout"] == "60"


@semantic("queue-attribute-ranges", "API_SetQueueAttributes.html")
def _(aws):
    for attribute, value in (
        ("VisibilityTimeout", "43201"),
        ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"),
        ("DelaySeconds", "901"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
    ):
        with refused("InvalidAttributeValue"):
            aws.queue(**{attribute: value})
    assert "QueueUrls" not in aws.sqs.list_queues()


@semantic(
    "queue-keeps-messages-under-threads", "standard-queues-at-least-once-delivery.html", moto=None
)
def _(aws):
    url, _ = aws.queue()

    def work(number):
        send(aws, url, str(number))
        taken = aws.messages(url)
        for message in taken:
            aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in taken]

    with ThreadPoolExecutor(8) as pool:
        taken = [body for bodies in pool.map(work, range(160)) for body in bodies]
    taken += [message["Body"] for message in aws.messages(url)]
    assert sorted(taken, key=int) == [str(number) for number in range(160)]


INVALID_FUNCTIONS = {
    "timeout": {"Timeout": 901},
    "memory": {"MemorySize": 10241},
    "runtime": {"Runtime": "python9.99"},
    "environment-size": {"Environment": {"Variables": {"LONG": "x" * 4093}}},
    "environment-reserved": {"Environment": {"Variables": {"AWS_REGION": "x"}}},
    "environment-name": {"Environment": {"Variables": {"1A": "x"}}},
    "name": {"name": "a name"},
}


def check_function(spec, code=None):
    code = code or ("InvalidParameterValueException" if spec in RESERVED else "ValidationException")

    def check(aws):
        with refused(code):
            make_function(aws, **spec)
        assert aws.functions.list_functions()["Functions"] == []

    return check


RESERVED = [INVALID_FUNCTIONS["environment-size"], INVALID_FUNCTIONS["environment-reserved"]]
for _name, _spec in INVALID_FUNCTIONS.items():
    semantic(f"function-{_name}", CREATE)(check_function(_spec))


@semantic("function-configuration", "botocore lambda UpdateFunctionConfiguration Timeout")
def _(aws):
    make_function(aws, Timeout=3)
    with refused("ValidationException"):
        aws.functions.update_function_configuration(FunctionName="a-function", Timeout=901)
    answer = aws.functions.get_function_configuration(FunctionName="a-function")
    assert answer["Timeout"] == 3


@semantic("function-log-group", "botocore lambda CreateFunction LoggingConfig")
def _(aws):
    make_function(aws, LoggingConfig={"LogGroup": "a-group"})
    make_function(aws, "another")
    for name, group in (("a-function", "a-group"), ("another", "/aws/lambda/another")):
        answer = aws.functions.get_function_configuration(FunctionName=name)
        assert answer["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": group}
    aws.functions.update_function_configuration(
        FunctionName="a-function", LoggingConfig={"LogGroup": "other", "LogFormat": "JSON"}
    )
    aws.functions.update_function_configuration(FunctionName="a-function", Timeout=5)
    answer = aws.functions.get_function_configuration(FunctionName="a-function")
    assert answer["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "other"}


@semantic("function-dead-letters", "botocore lambda FunctionConfiguration DeadLetterConfig")
def _(aws):
    _, arn = aws.queue("dead")
    make_function(aws, DeadLetterConfig={"TargetArn": arn})
    make_function(aws, "another")

    def dead_letters(name="a-function"):
        answer = aws.functions.get_function(FunctionName=name)["Configuration"]
        return answer.get("DeadLetterConfig")

    assert dead_letters() == {"TargetArn": arn}
    assert dead_letters("another") is None
    change = aws.functions.update_function_configuration
    change(FunctionName="a-function", Timeout=5)
    assert dead_letters() == {"TargetArn": arn}
    change(FunctionName="another", DeadLetterConfig={"TargetArn": arn})
    assert dead_letters("another") == {"TargetArn": arn}
    change(FunctionName="a-function", DeadLetterConfig={"TargetArn": ""})
    assert dead_letters() is None


SNAPSHOTS = {"ApplyOn": "PublishedVersions"}


@semantic("function-snapshots", "snapstart-activate.html")
def _(aws):
    make_function(aws, SnapStart=SNAPSHOTS, Publish=True)
    make_function(aws, "another", Publish=True)

    def found(name, qualifier):
        return aws.functions.get_function_configuration(FunctionName=name, Qualifier=qualifier)

    off = {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert found("a-function", "1")["SnapStart"] == {**SNAPSHOTS, "OptimizationStatus": "On"}
    assert found("a-function", "$LATEST")["SnapStart"] == {**SNAPSHOTS, "OptimizationStatus": "Off"}
    assert found("another", "1")["SnapStart"] == off
    change = aws.functions.update_function_configuration
    change(FunctionName="a-function", Timeout=5)
    assert found("a-function", "$LATEST")["SnapStart"]["ApplyOn"] == "PublishedVersions"
    change(FunctionName="a-function", SnapStart={"ApplyOn": "None"})
    assert found("a-function", "$LATEST")["SnapStart"] == off
    assert found("a-function", "1")["SnapStart"]["OptimizationStatus"] == "On"


for _name, _spec in {
    "runtime": {"Runtime": "python3.11"},
    "storage": {"EphemeralStorage": {"Size": 513}},
}.items():
    semantic(f"function-snapshots-{_name}", "snapstart.html Supported features and limitations")(
        check_function({**_spec, "SnapStart": SNAPSHOTS}, "InvalidParameterValueException")
    )


@semantic("policy-of-a-qualifier", "API_GetPolicy.html Qualifier")
def _(aws):
    make_function(aws, Publish=True)
    aws.functions.create_alias(FunctionName="a-function", Name="live", FunctionVersion="1")
    arn = aws.functions.get_function_configuration(FunctionName="a-function")["FunctionArn"]

    def policy(**qualifier):
        answer = aws.functions.get_policy(FunctionName="a-function", **qualifier)
        return [one["Resource"] for one in json.loads(answer["Policy"])["Statement"]]

    def permit(name, **qualifier):
        aws.functions.add_permission(
            FunctionName="a-function", StatementId=name, Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com", **qualifier,
        )  # fmt: skip

    permit("by-alias", Qualifier="live")
    with refused("ResourceNotFoundException", 404):
        policy()
    permit("by-name")
    assert policy() == [arn]
    assert policy(Qualifier="live") == [f"{arn}:live"]
    with refused("ResourceNotFoundException", 404):
        policy(Qualifier="1")


def make_mapping(aws, arn, **options):
    return aws.functions.create_event_source_mapping(
        **{"FunctionName": "a-function", "EventSourceArn": arn, **options}
    )


@semantic("mapping-of-an-alias", "botocore lambda CreateEventSourceMapping FunctionName")
def _(aws):
    make_function(aws, Publish=True)
    aws.functions.create_alias(FunctionName="a-function", Name="live", FunctionVersion="1")
    function = aws.functions.get_function_configuration(FunctionName="a-function")["FunctionArn"]
    _, arn = aws.queue()
    made = make_mapping(aws, arn, FunctionName=f"{function}:live")
    assert made["FunctionArn"] == f"{function}:live"
    with refused("ResourceConflictException", 409):
        make_mapping(aws, arn, FunctionName="a-function:live")

    def moved(name):
        aws.functions.update_event_source_mapping(UUID=made["UUID"], FunctionName=name)
        return aws.functions.get_event_source_mapping(UUID=made["UUID"])["FunctionArn"]

    assert moved(function) == function
    assert moved("a-function:live") == f"{function}:live"
    assert moved("a-function") == function


@semantic("simulated-permissions", "API_SimulatePrincipalPolicy.html")
def _(aws):
    iam = aws.shared("iam")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = {"RoleName": "simulated"}
    made = iam.create_role(**role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    own = {"StringEquals": {"aws:ResourceAccount": "1"}}
    a, b = "arn:aws:s3:::bucket/a", "arn:aws:s3:::bucket/b"
    statements = [
        {"Effect": "Allow", "Action": "S3:Get*", "Resource": f"{a}*", "Condition": own},
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": ["*"]},
        {"Effect": "Deny", "NotAction": "s3:*", "NotResource": [a, b]},
    ]

    def put(*some):
        document = {"Version": "2012-10-17", "Statement": some}
        iam.put_role_policy(**role, PolicyName="p", PolicyDocument=json.dumps(document))

    queue = "arn:aws:sqs:::queue"

    def simulated(account, *actions, **resources):
        return iam.simulate_principal_policy(
            PolicySourceArn=made,
            ActionNames=actions,
            ContextEntries=[
                {
                    "ContextKeyName": "aws:ResourceAccount",
                    "ContextKeyValues": [account],
                    "ContextKeyType": "string",
                }
            ],
            **resources,
        )["EvaluationResults"]

    def decisions(account, *actions):
        results = simulated(account, *actions, ResourceArns=[a, b, queue])
        assert [one["EvalActionName"] for one in results] == [*actions]
        assert not {one["EvalResourceName"] for one in results} & {a, b, queue}
        each = [it for one in results for it in one["ResourceSpecificResults"]]
        assert [it["EvalResourceName"] for it in each] == [a, b, queue] * len(actions)
        return [it["EvalResourceDecision"].removesuffix("Deny") for it in each]

    put(*statements)
    assert decisions("1", "s3:GetObject") == ["allowed", "implicit", "implicit"]
    assert decisions("2", "s3:GetObject") == ["implicit"] * 3
    assert decisions("1", "sqs:SendMessage") == ["allowed", "allowed", "explicit"]
    for resources, decided in (([a, queue], "explicitDeny"), ([a, b], "allowed")):
        [whole] = simulated("1", "sqs:SendMessage", ResourceArns=resources)
        assert whole["EvalDecision"] == decided
    [without] = simulated("1", "sqs:SendMessage")
    assert (without["EvalResourceName"], without["EvalDecision"]) == ("*", "explicitDeny")
    assert "ResourceSpecificResults" not in without
    with refused("NoSuchEntity", 404):
        iam.simulate_principal_policy(
            PolicySourceArn=made.replace("simulated", "another"), ActionNames=["s3:GetObject"]
        )
    boundary = json.dumps({"Version": "2012-10-17", "Statement": statements[:1]})
    arn = iam.create_policy(PolicyName="bounds", PolicyDocument=boundary)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(**role, PermissionsBoundary=arn)
    assert decisions("1", "s3:GetObject", "sqs:SendMessage") == [
        "allowed", "implicit", "implicit", "implicit", "implicit", "explicit",
    ]  # fmt: skip


@semantic("mapping-leaves-the-queue-alone", "the project drives the queue itself")
def _(aws):
    make_function(aws)
    url, arn = aws.queue()
    uuid = make_mapping(aws, arn, BatchSize=5)["UUID"]
    send(aws, url)
    (message,) = aws.messages(url)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    answer = aws.functions.get_event_source_mapping(UUID=uuid)
    assert (answer["EventSourceArn"], answer["BatchSize"]) == (arn, 5)
    assert answer["State"] == "Enabled"


@semantic("mapping-is-disabled-after-a-while", "API_GetEventSourceMapping.html State")
def _(aws):
    make_function(aws)
    _, arn = aws.queue()
    uuid = make_mapping(aws, arn)["UUID"]

    def update(enabled):
        return aws.functions.update_event_source_mapping(UUID=uuid, Enabled=enabled)["State"]

    def state():
        return aws.functions.get_event_source_mapping(UUID=uuid)["State"]

    with mapping_change_seconds(0.2):
        for enabled, changing, changed in (
            (False, "Disabling", "Disabled"),
            (True, "Enabling", "Enabled"),
        ):
            assert update(enabled) == changing
            with refused("ResourceInUseException"):
                update(not enabled)
            time.sleep(0.2)
            assert state() == changed
            update(enabled)  # no change
            assert state() == changed


@contextmanager
def mapping_change_seconds(seconds):
    usual, mappings.change_seconds = mappings.change_seconds, seconds
    yield
    mappings.change_seconds = usual


INVALID_MAPPINGS = {
    "batch-without-window": {"BatchSize": 11},
    "window": {"MaximumBatchingWindowInSeconds": 301},
    "concurrency": {"ScalingConfig": {"MaximumConcurrency": 1001}},
    "response-types": {"FunctionResponseTypes": ["Nothing"]},
}


def check_mapping(options):
    def check(aws):
        make_function(aws)
        _, arn = aws.queue()
        with refused("InvalidParameterValueException"):
            make_mapping(aws, arn, **options)
        assert aws.functions.list_event_source_mappings()["EventSourceMappings"] == []

    return check


for _name, _options in INVALID_MAPPINGS.items():
    semantic(f"mapping-{_name}", MAPPING)(check_mapping(_options))


@semantic("mapping-visibility-below-timeout", "services-sqs-configure.html")
def _(aws):
    make_function(aws, Timeout=31)
    _, arn = aws.queue(VisibilityTimeout="30")
    with refused("InvalidParameterValueException"):
        make_mapping(aws, arn)
    assert aws.functions.list_event_source_mappings()["EventSourceMappings"] == []
    _, arn = aws.queue("as-long", VisibilityTimeout="31")
    make_mapping(aws, arn)


@semantic("mapping-is-one", "API_CreateEventSourceMapping.html ResourceConflictException")
def _(aws):
    make_function(aws)
    _, arn = aws.queue()
    make_mapping(aws, arn)
    with refused("ResourceConflictException", 409):
        make_mapping(aws, arn)
    assert len(aws.functions.list_event_source_mappings()["EventSourceMappings"]) == 1


@semantic("mapping-update-is-checked", "botocore lambda UpdateEventSourceMapping BatchSize")
def _(aws):
    make_function(aws)
    _, arn = aws.queue()
    uuid = make_mapping(aws, arn)["UUID"]
    with refused("InvalidParameterValueException"):
        aws.functions.update_event_source_mapping(UUID=uuid, BatchSize=11)
    assert aws.functions.get_event_source_mapping(UUID=uuid)["BatchSize"] == 10
