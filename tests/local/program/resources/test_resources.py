import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from local.account.server import Account
from local.program.resources.creation import Created, Creation, ResourceError
from local.program.resources.creators import create, outputs_of

# The SDK warns of its own former names as soon as a module of it is looked at.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws.*")

BUCKET = "aws:s3/bucket:Bucket"
QUEUE = "aws:sqs/queue:Queue"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ALIAS = "aws:lambda/alias:Alias"
FUNCTION = "aws:lambda/function:Function"
INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
PERMISSION = "aws:lambda/permission:Permission"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SCHEDULE = "aws:scheduler/schedule:Schedule"
DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
TABLE = "aws:glue/catalogTable:CatalogTable"
WORKGROUP = "aws:athena/workgroup:Workgroup"
NAMED_QUERY = "aws:athena/namedQuery:NamedQuery"
ACCOUNT_ID = "123456789012"

Make = Callable[..., Created]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with Account() as opened:
        yield opened


@pytest.fixture
def make(account: Account, tmp_path: Path) -> Make:
    account.reset()

    def make(token: str, name: str = "thing", **inputs: Any) -> Created:
        return create(creation(account, tmp_path, token, name, **inputs))

    return make


def creation(
    account: Account, root: Path, token: str, name: str = "thing", **inputs: Any
) -> Creation:
    return Creation(
        type=token,
        name=name,
        urn=f"urn:pulumi:dev::shop::{token}::{name}",
        inputs=inputs,
        tags={"Team": "data", **inputs.get("tags", {})},
        account=account,
        region="us-east-1",
        seed="",
        root=root,
    )


def document(*actions: str, resource: str = "*", effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service: str, **condition: Any) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(make: Make, service: str, *actions: str) -> str:
    """Make a role that `service` may assume and that may do `actions`; return its ARN."""
    name = make(ROLE, f"{service}-role", assumeRolePolicy=trust(f"{service}.amazonaws.com")).id
    if actions:
        make(ROLE_POLICY, role=name, policy=document(*actions))
    return f"arn:aws:iam::{ACCOUNT_ID}:role/{name}"


def function(make: Make, name: str = "worker", **inputs: Any) -> Created:
    given: dict[str, Any] = {
        "code": pulumi.AssetArchive({"m.py": pulumi.StringAsset("def h(e, c): return e\n")}),
        "handler": "m.h",
        "runtime": "python3.13",
        **inputs,
    }
    if "role" not in given:
        given["role"] = role(make, "lambda")
    return make(FUNCTION, name, **given)


def queue(make: Make, name: str = "messages", **inputs: Any) -> str:
    """Make a queue; return its ARN."""
    return make(QUEUE, name, **inputs).outputs["arn"]


def test_a_generated_name_is_the_logical_name_and_digits_that_the_seed_decides(
    account: Account, make: Make, tmp_path: Path
) -> None:
    first = make(QUEUE, "Messages").outputs["name"]
    account.reset()
    again = make(QUEUE, "Messages").outputs["name"]
    other = creation(account, tmp_path, QUEUE, "Messages")
    other = create(Creation(**{**_fields(other), "seed": "2"})).outputs["name"]

    assert first == again
    assert first[:9] == other[:9] == "Messages-"
    assert len(first) == len(other) == len("Messages-") + 7
    assert first != other
    assert set(first[9:]) <= set("0123456789abcdef")


def _fields(one: Creation) -> dict[str, Any]:
    names = ("type", "name", "urn", "inputs", "tags", "account", "region", "seed", "root")
    return {name: getattr(one, name) for name in names}


def test_a_buckets_generated_name_is_lower_case_and_a_given_one_stays(make: Make) -> None:
    assert make(BUCKET, "Raw").id.startswith("raw-")
    assert make(BUCKET, bucket="given-name").id == "given-name"
    assert make(BUCKET, bucketPrefix="begins-").id.startswith("begins-")


def test_a_generated_name_that_is_too_long_is_an_error(make: Make) -> None:
    with pytest.raises(ResourceError, match=r"'b+-' plus 7 random digits is 68 long, allowed: 63"):
        make(BUCKET, "b" * 60)


def test_an_unknown_type_names_the_known_ones(make: Make) -> None:
    with pytest.raises(ResourceError, match=r"'thing': unknown resource type, allowed: .*Bucket"):
        make("aws:dynamodb/table:Table")


def test_a_property_that_no_creator_knows_is_an_error_not_a_silence(make: Make) -> None:
    with pytest.raises(ResourceError, match="without effect on this machine: acl; allowed: bucket"):
        make(BUCKET, acl="private")


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"runtime": "python9.99"}, "Runtime is 'python9.99', allowed: .*python3.13"),
        ({"timeout": 99_999}, "Timeout is 99999, allowed: 1 to 5400"),
        ({"timeout": 901}, "'timeout' failed .* Member must have value from 1 to 900"),
        ({"timeout": 0}, "Timeout is 0, allowed: 1 to 5400"),
        ({"memorySize": 64}, "MemorySize is 64, allowed: 128 to 32768"),
        ({"memorySize": 20_480}, "Member must have value from 128 to 10240"),
        ({"handler": "m h"}, "Handler is 'm h', allowed: "),
        ({"tracingConfig": {"mode": "On"}}, "TracingConfig.Mode is 'On', allowed: Active, Pass"),
        ({"environment": {"variables": {"AA": "a" * 4096}}}, "exceeded the 4096 bytes limit"),
        ({"code": pulumi.FileArchive("gone")}, "code: archive .*gone is missing"),
    ],
)
def test_a_function_outside_of_lambdas_limits_is_an_error(
    make: Make, inputs: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ResourceError, match=rf"Function 'worker': .*{problem}"):
        function(make, **inputs)


def test_what_aws_refuses_names_the_resource_the_call_and_the_code(make: Make) -> None:
    with pytest.raises(ResourceError) as caught:
        make("aws:s3/bucketVersioning:BucketVersioning", "kept", bucket="missing-bucket",
             versioningConfiguration={"status": "Enabled"})  # fmt: skip

    assert str(caught.value).startswith(
        "aws:s3/bucketVersioning:BucketVersioning 'kept': PutBucketVersioning: NoSuchBucket: "
    )


def test_a_policy_that_is_not_json_is_an_error(make: Make) -> None:
    make(QUEUE)
    with pytest.raises(ResourceError, match="policy is not JSON"):
        make("aws:sqs/queuePolicy:QueuePolicy", queueUrl="x", policy="{'Version': 1}")


def test_a_bucket_carries_the_tags_and_all_that_is_set_on_it(account: Account, make: Make) -> None:
    name = make(BUCKET, tags={"Kind": "raw"}, forceDestroy=True).id
    make("aws:s3/bucketVersioning:BucketVersioning", bucket=name,
         versioningConfiguration={"status": "Enabled"})  # fmt: skip
    make("aws:s3/bucketOwnershipControls:BucketOwnershipControls", bucket=name,
         rule={"objectOwnership": "BucketOwnerEnforced"})  # fmt: skip
    make("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", bucket=name,
         blockPublicAcls=True, restrictPublicBuckets=True)  # fmt: skip
    key = f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/k"
    make("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
         bucket=name, rules=[{"bucketKeyEnabled": True, "applyServerSideEncryptionByDefault": {
             "sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}}])  # fmt: skip

    s3 = account.client("s3")
    tags = {one["Key"]: one["Value"] for one in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags == {"Team": "data", "Kind": "raw"}
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    owner = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert block == {"BlockPublicAcls": True, "IgnorePublicAcls": False,
                     "BlockPublicPolicy": False, "RestrictPublicBuckets": True}  # fmt: skip
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["BucketKeyEnabled"] is True
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": key,
    }


def test_lifecycle_rules_arrive_whole(account: Account, make: Make) -> None:
    name = make(BUCKET).id
    make(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        bucket=name,
        rules=[
            {
                "id": "old",
                "status": "Enabled",
                "filter": {"and": {"prefix": "archive/", "tags": {"Keep": "no"}}},
                "transitions": [{"days": 90, "storageClass": "GLACIER"}],
                "expiration": {"days": 365},
            },
            {
                "id": "all",
                "status": "Enabled",
                "noncurrentVersionExpiration": {"noncurrentDays": 30},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
            },
        ],
    )

    rules = account.client("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    old, everything = rules
    assert old["Filter"]["And"] == {
        "Prefix": "archive/",
        "Tags": [{"Key": "Keep", "Value": "no"}],
    }
    assert old["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER"}]
    assert old["Expiration"]["Days"] == 365
    assert everything["Filter"] == {"Prefix": ""}
    assert everything["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert everything["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_a_misspelt_storage_class_is_an_error(make: Make) -> None:
    name = make(BUCKET).id
    with pytest.raises(ResourceError, match=r"StorageClass is 'ICE', allowed: .*GLACIER"):
        make("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", bucket=name,
             rules=[{"id": "a", "status": "Enabled",
                     "transitions": [{"days": 90, "storageClass": "ICE"}]}])  # fmt: skip


def test_a_notification_to_a_queue_needs_the_queues_policy(account: Account, make: Make) -> None:
    bucket, made = make(BUCKET).id, make(QUEUE)
    arn = made.outputs["arn"]
    target = {"queueArn": arn, "events": ["s3:ObjectCreated:*"], "filterPrefix": "incoming/"}
    notification = "aws:s3/bucketNotification:BucketNotification"

    with pytest.raises(ResourceError, match="Unable to validate the following destination"):
        make(notification, bucket=bucket, queues=[target])
    allowed = json.loads(document("sqs:SendMessage", resource=arn))
    allowed["Statement"][0]["Principal"] = {"Service": "s3.amazonaws.com"}
    make("aws:sqs/queuePolicy:QueuePolicy", queueUrl=made.id, policy=json.dumps(allowed))
    make(notification, bucket=bucket, queues=[target])

    found = account.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    (queued,) = found["QueueConfigurations"]
    assert (queued["QueueArn"], queued["Events"]) == (arn, ["s3:ObjectCreated:*"])
    (rule,) = queued["Filter"]["Key"]["FilterRules"]
    assert (rule["Name"].lower(), rule["Value"]) == ("prefix", "incoming/")
    (message,) = account.client("sqs").receive_message(QueueUrl=made.id)["Messages"]
    assert json.loads(message["Body"])["Event"] == "s3:TestEvent"


def test_a_queue_has_the_attributes_under_its_own_names(account: Account, make: Make) -> None:
    messages = make(QUEUE, "messages")
    made = make(
        QUEUE,
        "work",
        visibilityTimeoutSeconds=1800,
        messageRetentionSeconds=345_600,
        redrivePolicy=json.dumps(
            {"deadLetterTargetArn": messages.outputs["arn"], "maxReceiveCount": 3}
        ),
        sqsManagedSseEnabled=True,
    )

    sqs = account.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=made.id, AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == "1800"
    assert found["MessageRetentionPeriod"] == "345600"
    assert found["QueueArn"] == made.outputs["arn"]
    assert json.loads(found["RedrivePolicy"])["maxReceiveCount"] == 3
    assert sqs.list_queue_tags(QueueUrl=made.id)["Tags"] == {"Team": "data"}


def test_a_queues_attribute_outside_of_its_range_is_an_error(make: Make) -> None:
    with pytest.raises(
        ResourceError, match="Invalid value for the parameter MessageRetentionPeriod"
    ):
        make(QUEUE, messageRetentionSeconds=1_300_000)


def test_a_function_stands_with_its_definition_and_its_zip(
    account: Account, make: Make, tmp_path: Path
) -> None:
    arn = role(make, "lambda", "sqs:SendMessage")
    one = creation(
        account, tmp_path, FUNCTION, "worker",
        code=pulumi.AssetArchive({"m.py": pulumi.StringAsset("x = 1\n")}),
        role=arn, handler="m.h", runtime="python3.13", architectures=["arm64"],
        memorySize=512, timeout=60, environment={"variables": {"DAYS": "30"}},
        deadLetterConfig={"targetArn": queue(make)},
    )  # fmt: skip
    created = create(one)
    outputs = outputs_of(one, created)

    found = account.client("lambda").get_function(FunctionName=created.id)
    configuration = found["Configuration"]
    assert configuration["Environment"]["Variables"] == {"DAYS": "30"}
    assert (configuration["MemorySize"], configuration["Timeout"]) == (512, 60)
    assert configuration["Architectures"] == ["arm64"]
    assert found["Tags"] == {"Team": "data"}
    assert outputs["arn"] == configuration["FunctionArn"]
    assert outputs["qualifiedArn"] == f"{outputs['arn']}:$LATEST"
    assert outputs["invokeArn"].endswith(f"/functions/{outputs['arn']}/invocations")
    assert outputs["timeout"] == 60
    assert outputs["tagsAll"] == {"Team": "data"}
    assert created.archive is not None
    with zipfile.ZipFile(created.archive) as opened:
        assert opened.read("m.py") == b"x = 1\n"
    assert configuration["CodeSize"] == created.archive.stat().st_size


def test_what_a_function_does_not_say_is_lambdas_default(
    account: Account, make: Make, tmp_path: Path
) -> None:
    one = creation(
        account, tmp_path, FUNCTION, role=role(make, "lambda"), handler="m.h",
        runtime="python3.13", code=pulumi.AssetArchive({"m.py": pulumi.StringAsset("")}),
    )  # fmt: skip
    outputs = outputs_of(one, create(one))
    assert (outputs["timeout"], outputs["memorySize"]) == (3, 128)


def test_a_function_needs_a_role_that_lambda_may_assume(make: Make) -> None:
    with pytest.raises(ResourceError, match=r"role .* cannot be assumed by lambda.amazonaws.com"):
        function(make, role=role(make, "scheduler"))


def test_a_dead_letter_queue_needs_the_roles_permission_first(make: Make) -> None:
    arn = queue(make)
    with pytest.raises(ResourceError, match="does not have the permission sqs:SendMessage on"):
        function(make, deadLetterConfig={"targetArn": arn})


def test_a_mapping_needs_the_roles_permissions_first(account: Account, make: Make) -> None:
    arn = queue(make, visibilityTimeoutSeconds=60)
    worker = function(make).id
    inputs = {
        "functionName": worker,
        "eventSourceArn": arn,
        "batchSize": 20,
        "maximumBatchingWindowInSeconds": 2,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "scalingConfig": {"maximumConcurrency": 5},
    }
    with pytest.raises(ResourceError, match="does not have the permission sqs:ReceiveMessage"):
        make(MAPPING, **inputs)

    owner = account.client("lambda").get_function_configuration(FunctionName=worker)["Role"]
    make(ROLE_POLICY, "poll", role=owner.rpartition("/")[2], policy=document("sqs:*", resource=arn))
    created = make(MAPPING, **inputs)

    found = account.client("lambda").get_event_source_mapping(UUID=created.id)
    assert found["BatchSize"] == 20
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert created.outputs["functionArn"].endswith(worker)


def test_an_alias_names_a_version_and_may_be_invoked(account: Account, make: Make) -> None:
    worker = function(
        make, publish=True, snapStart={"applyOn": "PublishedVersions"},
        role=role(make, "lambda", "sqs:*"),
    )  # fmt: skip
    arn = worker.outputs["arn"]
    assert (worker.outputs["version"], worker.outputs["qualifiedArn"]) == ("1", f"{arn}:1")
    alias = make(ALIAS, "newest", functionName=worker.id, functionVersion="1")
    name = alias.outputs["name"]
    assert alias.id == alias.outputs["arn"] == f"{arn}:{name}"
    assert name.startswith("newest-")
    make(PERMISSION, function=worker.id, qualifier=name, action="lambda:InvokeFunction",
         principal="s3.amazonaws.com")  # fmt: skip
    mapping = make(MAPPING, functionName=alias.id, eventSourceArn=queue(make))
    config = make(INVOKE_CONFIG, functionName=worker.id, qualifier=name, maximumRetryAttempts=1)

    functions = account.client("lambda")
    found = functions.get_function_configuration(FunctionName=alias.id)
    assert (found["Version"], found["SnapStart"]["OptimizationStatus"]) == ("1", "On")
    policy = json.loads(functions.get_policy(FunctionName=worker.id, Qualifier=name)["Policy"])
    assert [one["Resource"] for one in policy["Statement"]] == [alias.id]
    assert mapping.outputs["functionArn"] == alias.id
    assert config.id == f"{worker.id}:{name}"


def test_an_alias_needs_its_version(make: Make) -> None:
    worker = function(make)
    with pytest.raises(ResourceError, match="CreateAlias: ResourceNotFoundException"):
        make(ALIAS, functionName=worker.id, functionVersion="1")


def test_a_denial_goes_before_a_permission(account: Account, make: Make) -> None:
    arn = queue(make)
    worker = function(make, role=role(make, "lambda", "sqs:*")).id
    owner = account.client("lambda").get_function_configuration(FunctionName=worker)["Role"]
    make(ROLE_POLICY, "never", role=owner.rpartition("/")[2],
         policy=document("sqs:DeleteMessage", effect="Deny"))  # fmt: skip
    with pytest.raises(ResourceError, match="does not have the permission sqs:DeleteMessage"):
        make(MAPPING, functionName=worker, eventSourceArn=arn)


def test_a_managed_policy_counts_once_it_is_attached(account: Account, make: Make) -> None:
    arn = queue(make)
    worker = function(make).id
    owner = account.client("lambda").get_function_configuration(FunctionName=worker)["Role"]
    managed = make("aws:iam/policy:Policy", policy=document("sqs:*"))
    make("aws:iam/rolePolicyAttachment:RolePolicyAttachment", role=owner.rpartition("/")[2],
         policyArn=managed.id)  # fmt: skip
    created = make(MAPPING, functionName=worker, eventSourceArn=arn)
    assert created.outputs["state"] == "Enabled"


def test_what_follows_an_asynchronous_invocation_is_kept(account: Account, make: Make) -> None:
    arn = queue(make)
    worker = function(make, role=role(make, "lambda", "sqs:SendMessage")).id
    make(INVOKE_CONFIG, functionName=worker,
         maximumRetryAttempts=2, maximumEventAgeInSeconds=3600,
         destinationConfig={"onFailure": {"destination": arn}})  # fmt: skip

    found = account.client("lambda").get_function_event_invoke_config(FunctionName=worker)
    assert found["MaximumRetryAttempts"] == 2
    assert found["DestinationConfig"]["OnFailure"]["Destination"] == arn


def test_recursion_is_checked_though_moto_does_not_keep_it(make: Make) -> None:
    config = "aws:lambda/functionRecursionConfig:FunctionRecursionConfig"
    worker = function(make).id
    assert make(config, functionName=worker, recursiveLoop="Allow").id == worker
    with pytest.raises(ResourceError, match="RecursiveLoop is 'Never', allowed: Allow, Terminate"):
        make(config, functionName=worker, recursiveLoop="Never")
    with pytest.raises(ResourceError, match="ResourceNotFoundException"):
        make(config, functionName="nobody", recursiveLoop="Allow")


def test_a_permission_is_in_the_functions_policy(account: Account, make: Make) -> None:
    worker = function(make).id
    made = make("aws:lambda/permission:Permission", "s3", function=worker,
                action="lambda:InvokeFunction", principal="s3.amazonaws.com",
                sourceArn="arn:aws:s3:::raw", sourceAccount=ACCOUNT_ID)  # fmt: skip

    policy = json.loads(account.client("lambda").get_policy(FunctionName=worker)["Policy"])
    (statement,) = policy["Statement"]
    assert statement["Sid"] == made.id == made.outputs["statementId"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}


def test_a_schedule_needs_a_role_that_the_scheduler_may_assume_for_its_group(
    account: Account, make: Make
) -> None:
    group = make("aws:scheduler/scheduleGroup:ScheduleGroup", "nightly")
    owner = make(
        ROLE,
        assumeRolePolicy=trust(
            "scheduler.amazonaws.com", ArnEquals={"aws:SourceArn": group.outputs["arn"]}
        ),
    )
    target = {
        "arn": f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:f",
        "roleArn": owner.outputs["arn"],
        "input": "{}",
        "retryPolicy": {"maximumRetryAttempts": 3},
    }
    inputs = {
        "scheduleExpression": "cron(0 2 * * ? *)",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": target,
    }
    with pytest.raises(ResourceError, match="cannot be assumed by scheduler"):
        make(SCHEDULE, **inputs)
    created = make(SCHEDULE, groupName=group.id, **inputs)

    where, _, name = created.id.partition("/")
    found = account.client("scheduler").get_schedule(Name=name, GroupName=where)
    assert found["ScheduleExpression"] == "cron(0 2 * * ? *)"
    assert found["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 3}


def test_an_alarm_stands_with_its_metrics(account: Account, make: Make) -> None:
    common = {"comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 1, "threshold": 0}
    plain = make(ALARM, "depth", metricName="Depth", namespace="AWS/SQS", statistic="Maximum",
                 period=60, dimensions={"QueueName": "q"}, alarmActions=["arn:aws:sns:::t"],
                 okActions=["arn:aws:sns:::u"], **common)  # fmt: skip
    duration = {
        "metricName": "Duration",
        "namespace": "AWS/Lambda",
        "period": 60,
        "stat": "Maximum",
        "dimensions": {"FunctionName": "f"},
    }
    ratio = {"id": "e", "expression": "m / 60", "returnData": True}
    make(ALARM, "math", **common, metricQueries=[ratio, {"id": "m", "metric": duration}])

    found = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    alarms = {one["AlarmName"].rpartition("-")[0]: one for one in found}
    assert alarms["depth"]["Dimensions"] == [{"Name": "QueueName", "Value": "q"}]
    assert alarms["depth"]["OKActions"] == ["arn:aws:sns:::u"]
    assert alarms["depth"]["AlarmArn"] == plain.outputs["arn"]
    (metric,) = [one for one in alarms["math"]["Metrics"] if one["Id"] == "m"]
    assert [one["Id"] for one in alarms["math"]["Metrics"] if one.get("ReturnData")] == ["e"]
    assert metric["ReturnData"] is False
    assert metric["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}]
    with pytest.raises(ResourceError, match="ComparisonOperator is 'Above', allowed: Greater"):
        make(ALARM, "bad", comparisonOperator="Above", evaluationPeriods=1)


def test_what_moto_lacks_of_alarms_is_checked_all_the_same(make: Make) -> None:
    composite = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
    made = make(composite, alarmName="any", alarmRule="ALARM(depth)")
    assert made.outputs["arn"].endswith(":alarm:any")
    with pytest.raises(ResourceError, match=r"AlarmName is .*allowed: 1 to 255 characters"):
        make(composite, alarmName="a" * 256, alarmRule="ALARM(depth)")


def test_logs_dashboards_and_rules_stand(account: Account, make: Make) -> None:
    logs = make("aws:cloudwatch/logGroup:LogGroup", "logs", retentionInDays=30).id
    make("aws:cloudwatch/logMetricFilter:LogMetricFilter", logGroupName=logs, pattern="ERROR",
         metricTransformation={"name": "Errors", "namespace": "App", "value": "1",
                               "defaultValue": "0"})  # fmt: skip
    make("aws:cloudwatch/dashboard:Dashboard", dashboardName="board",
         dashboardBody=json.dumps({"widgets": []}))  # fmt: skip
    rule = make("aws:cloudwatch/eventRule:EventRule", scheduleExpression="rate(1 day)").id
    make("aws:cloudwatch/eventTarget:EventTarget", rule=rule, arn=queue(make), input="{}")

    (group,) = account.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (logs, 30)
    (found,) = account.client("logs").describe_metric_filters(logGroupName=logs)["metricFilters"]
    assert found["metricTransformations"][0]["metricName"] == "Errors"
    board = account.client("cloudwatch").get_dashboard(DashboardName="board")
    assert json.loads(board["DashboardBody"]) == {"widgets": []}
    (target,) = account.client("events").list_targets_by_rule(Rule=rule)["Targets"]
    assert target["Input"] == "{}"
    with pytest.raises(ResourceError, match="retentionInDays is 31, allowed: 1, 3, 5, 7"):
        make("aws:cloudwatch/logGroup:LogGroup", "more", retentionInDays=31)


def test_a_topic_stands_with_its_policy_and_listeners(account: Account, make: Make) -> None:
    arn = make("aws:sns/topic:Topic", displayName="Alarms").id
    policy = json.loads(document("sns:Publish", resource=arn))
    policy["Statement"][0]["Principal"] = {"Service": "cloudwatch.amazonaws.com"}
    make("aws:sns/topicPolicy:TopicPolicy", arn=arn, policy=json.dumps(policy))
    mail = make("aws:sns/topicSubscription:TopicSubscription", topic=arn, protocol="email",
                endpoint="me@example.com")  # fmt: skip
    to_queue = make("aws:sns/topicSubscription:TopicSubscription", topic=arn, protocol="sqs",
                    endpoint=queue(make), rawMessageDelivery=True)  # fmt: skip

    sns = account.client("sns")
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "Alarms"
    assert json.loads(attributes["Policy"]) == policy
    found = sns.get_subscription_attributes(SubscriptionArn=to_queue.id)["Attributes"]
    assert found["RawMessageDelivery"] == "true"
    assert mail.outputs["pendingConfirmation"] is True
    assert to_queue.outputs["pendingConfirmation"] is False


def test_a_queue_takes_its_redrive_policies_later(account: Account, make: Make) -> None:
    messages, work = make(QUEUE, "messages"), make(QUEUE, "work")
    make("aws:sqs/redrivePolicy:RedrivePolicy", queueUrl=work.id, redrivePolicy=json.dumps(
        {"deadLetterTargetArn": messages.outputs["arn"], "maxReceiveCount": 2}))  # fmt: skip
    sources = {"redrivePermission": "byQueue", "sourceQueueArns": [work.outputs["arn"]]}
    allow = make("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", queueUrl=messages.id,
                 redriveAllowPolicy=json.dumps(sources))  # fmt: skip

    found = account.client("sqs").get_queue_attributes(QueueUrl=work.id, AttributeNames=["All"])
    assert json.loads(found["Attributes"]["RedrivePolicy"])["maxReceiveCount"] == 2
    assert allow.id == messages.id


def test_a_table_stands_in_its_database_with_all_that_is_set_on_it(
    account: Account, make: Make
) -> None:
    made = make(DATABASE, name="db", description="Sales")
    name = made.outputs["name"]
    parameters = {"projection.enabled": "true", "projection.day.type": "date"}
    storage = {
        "location": "s3://bucket/processed/",
        "inputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "serDeInfo": {"serializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        "columns": [{"name": "order", "type": "string", "comment": "Its number"}],
    }
    table = make(
        TABLE,
        name="orders",
        databaseName=name,
        tableType="EXTERNAL_TABLE",
        parameters=parameters,
        partitionKeys=[{"name": "day", "type": "string"}],
        storageDescriptor=storage,
    )

    found = account.client("glue").get_table(DatabaseName=name, Name=table.outputs["name"])["Table"]
    assert found["Parameters"] == parameters
    assert found["PartitionKeys"] == [{"Name": "day", "Type": "string"}]
    assert found["StorageDescriptor"]["Columns"] == [
        {"Name": "order", "Type": "string", "Comment": "Its number"}
    ]
    serde = found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
    assert serde == "org.openx.data.jsonserde.JsonSerDe"
    assert made.outputs["arn"].endswith(f":database/{name}")
    assert table.outputs["arn"].endswith(f":table/{name}/{table.outputs['name']}")


def test_glue_takes_no_upper_case_name_of_a_database(make: Make) -> None:
    with pytest.raises(ResourceError, match="no upper-case letters"):
        make(DATABASE, name="Sales")  # and Pulumi's digits


def test_a_workgroup_stands_with_its_limit_and_its_queries(account: Account, make: Make) -> None:
    configuration = {
        "enforceWorkgroupConfiguration": True,
        "bytesScannedCutoffPerQuery": 10_000_000,
        "publishCloudwatchMetricsEnabled": True,
        "managedQueryResultsConfiguration": {"enabled": True},
    }
    made = make(WORKGROUP, name="queries", configuration=configuration, forceDestroy=True)
    name = made.outputs["name"]
    query = make(
        NAMED_QUERY, name="latest", database="db", query="SELECT 1", workgroup=name, description="d"
    )

    athena = account.client("athena")
    found = athena.get_work_group(WorkGroup=name)["WorkGroup"]["Configuration"]
    assert found["EnforceWorkGroupConfiguration"] is True
    assert found["PublishCloudWatchMetricsEnabled"] is True
    assert found["BytesScannedCutoffPerQuery"] == 10_000_000
    assert found["ManagedQueryResultsConfiguration"] == {"Enabled": True}
    kept = athena.get_named_query(NamedQueryId=query.id)["NamedQuery"]
    assert (kept["QueryString"], kept["WorkGroup"]) == ("SELECT 1", name)


def test_a_limit_below_athenas_least_is_an_error(make: Make) -> None:
    with pytest.raises(ResourceError, match="BytesScannedCutoffPerQuery"):
        make(WORKGROUP, configuration={"bytesScannedCutoffPerQuery": 9_999_999})
