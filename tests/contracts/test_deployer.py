"""What deploying does is what the deployer's policies allow, and nothing is granted without use."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra import deployer, policies
from infra.calls import CALLS, On
from infra.deployer import Target
from local.account.server import Account
from local.program.deployment import deploy
from local.program.resources.creation import Creation
from tests.contracts import authorization
from tests.contracts.authorization import Request
from tests.contracts.pages import read
from tests.infra.recording import ACCOUNT, KEY, PROJECT, REGION, VARIANTS, run_variant

PAGE = "docs/permissions.md"
Call = tuple[str, str, Mapping[str, Any]]  # service, operation, parameters

# Every kind of resource is in one of them.
DEPLOYED = ("dev", "direct", "full")
# What is in the functions does not matter here, and takes its time.
CODE = pulumi.AssetArchive({"empty.py": pulumi.StringAsset("")})
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
# What only an option makes that may be off in every variant: a type, and calls.
OPTIONAL_TYPES = {"aws:s3/bucketLogging:BucketLogging"}
OF_OPTIONS = {"logs:AssociateKmsKey", "lambda:PutFunctionConcurrency", "s3:PutBucketLogging"}
S3_ACTIONS = {
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}
# Granted and not called here: the local pipeline makes a stack, and does not change or delete it.
NOT_CALLED_HERE = {
    "up changes a resource": {
        "athena:UpdateWorkGroup", "glue:UpdateDatabase", "glue:UpdateTable",
        "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
        "lambda:PublishVersion", "lambda:UpdateAlias", "lambda:UpdateEventSourceMapping",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration", "scheduler:UpdateSchedule",
        "sns:SetSubscriptionAttributes",
    },
    "old versions are deleted by hand": {"lambda:DeleteAlias"},
    "up changes a tag": {
        "athena:UntagResource", "cloudwatch:UntagResource", "glue:UntagResource",
        "iam:UntagRole", "lambda:UntagResource", "logs:UntagResource",
        "s3:TagResource", "s3:UntagResource", "scheduler:UntagResource", "sns:UntagResource",
        "sqs:UntagQueue",
    },
    "up takes a setting back, or destroy deletes": {
        "athena:DeleteNamedQuery", "athena:DeleteWorkGroup", "cloudwatch:DeleteAlarms",
        "cloudwatch:DeleteDashboards", "glue:DeleteDatabase", "glue:DeleteTable", "iam:DeleteRole",
        "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole",
        "lambda:DeleteEventSourceMapping", "lambda:DeleteFunction",
        "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunctionEventInvokeConfig",
        "lambda:RemovePermission", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy",
        "logs:DisassociateKmsKey", "s3:DeleteBucket", "s3:DeleteBucketPolicy",
        "scheduler:DeleteSchedule", "scheduler:DeleteScheduleGroup", "sns:DeleteTopic",
        "sns:Unsubscribe", "sqs:DeleteQueue",
    },
}  # fmt: skip


def target(variant: str = "dev") -> Target:
    stack, settings = VARIANTS[variant]
    return Target(
        name=f"{PROJECT}-{stack}",
        account=ACCOUNT,
        region=REGION,
        buckets=[name for key, name in settings.items() if key.endswith("BucketName")],
        kms_key_arn=settings.get("kmsKeyArn"),
        permissions_boundary_arn=settings.get("permissionsBoundaryArn"),
    )


def test_schedules_are_granted_by_their_group():
    # EventBridge Scheduler has no permissions for single schedules:
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/security_iam_id-based-policy-examples.html
    name = f"{PROJECT}-dev"
    arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{name}-daily-archive-1a2b3c4"

    for documents in (deployer.deployer(target()).values(), [deployer.preview(target())]):
        asked = Request("scheduler:GetSchedule", f"{arn}/*")
        assert authorization.allows(documents, asked)


@pytest.fixture(scope="module")
def deployments() -> dict[str, list[Call]]:
    """Every call of making each variant, those that moto does not have too."""
    return {variant: made(*VARIANTS[variant]) for variant in DEPLOYED}


def made(stack: str, settings: Mapping[str, str]) -> list[Call]:
    calls: list[Call] = []
    make, check = Creation.call, Creation.check_call

    def call(self: Creation, service: str, operation: str, **parameters: Any) -> Any:
        client = self.account.client(service, self.region)
        calls.append((service, client.meta.method_to_api_mapping[operation], given(parameters)))
        return make(self, service, operation, **parameters)

    def check_call(self: Creation, service: str, operation: str, **parameters: Any) -> None:
        calls.append((service, operation, given(parameters)))
        check(self, service, operation, **parameters)

    with pytest.MonkeyPatch.context() as patched, Account(region=REGION) as account:
        patched.setattr(Creation, "call", call)
        patched.setattr(Creation, "check_call", check_call)
        deploy(account, stack=stack, config=settings, repackage=lambda _: CODE)
    return calls


def given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def requests(service: str, operation: str, call: Mapping[str, Any]) -> Iterator[Request]:
    """Yield what IAM asks for a call, by the service authorization reference."""
    tagged = bool(call.get("Tags") or call.get("tags"))
    match service:
        case "s3":
            action = S3_ACTIONS.get(operation, f"s3:{operation}")
            own = {"aws:ResourceAccount": ACCOUNT}
            yield Request(action, f"arn:aws:s3:::{call['Bucket']}", own)
        case "sqs":
            name = call.get("QueueName") or call["QueueUrl"].rpartition("/")[2]
            queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
            yield Request(f"sqs:{operation}", queue)
            if tagged:
                yield Request("sqs:TagQueue", queue)
        case "lambda":
            yield from lambda_requests(operation, call, tagged=tagged)
        case "iam":
            role = f"arn:aws:iam::{ACCOUNT}:role/{call['RoleName']}"
            yield Request(f"iam:{operation}", role, bounds(call))
            if tagged:
                yield Request("iam:TagRole", role)
        case "glue" | "athena":
            yield from catalog_requests(service, operation, call, tagged=tagged)
        case _:
            yield from monitoring_requests(service, operation, call, tagged=tagged)


def bounds(call: Mapping[str, Any]) -> dict[str, str]:
    boundary = call.get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": boundary} if boundary else {}


def lambda_requests(operation: str, call: Mapping[str, Any], *, tagged: bool) -> Iterator[Request]:
    function = call["FunctionName"]
    if not function.startswith("arn:"):
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    if operation == "CreateEventSourceMapping":
        yield Request("lambda:CreateEventSourceMapping", "*", {"lambda:FunctionArn": function})
        mapping = f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:uuid"
        yield Request("lambda:TagResource", mapping)
        return
    yield Request(f"lambda:{operation}", function)
    if tagged:
        yield Request("lambda:TagResource", function)
    if "Role" in call:
        yield Request("iam:PassRole", call["Role"], {"iam:PassedToService": "lambda.amazonaws.com"})
    if "KMSKeyArn" in call:
        through = {"kms:ViaService": f"lambda.{REGION}.amazonaws.com"}
        yield from (
            Request(action, call["KMSKeyArn"], through)
            for action in ("kms:CreateGrant", "kms:Encrypt", "kms:Decrypt")
        )


def monitoring_requests(  # noqa: C901 - a table
    service: str, operation: str, call: Mapping[str, Any], *, tagged: bool
) -> Iterator[Request]:
    here = f"arn:aws:{service}:{REGION}:{ACCOUNT}"
    match service, operation:
        case "logs", _:
            where = f"{here}:log-group:{call['logGroupName']}"
            if "kmsKeyId" in call:
                yield Request("logs:AssociateKmsKey", where)
        case "scheduler", "CreateScheduleGroup":
            where = f"{here}:schedule-group/{call['Name']}"
        case "scheduler", "CreateSchedule":
            where = f"{here}:schedule/{call['GroupName']}/{call['Name']}"
            passed = {"iam:PassedToService": "scheduler.amazonaws.com"}
            yield Request("iam:PassRole", call["Target"]["RoleArn"], passed)
            if "KmsKeyArn" in call:
                through = {"kms:ViaService": f"scheduler.{REGION}.amazonaws.com"}
                for action in ("kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt"):
                    yield Request(action, call["KmsKeyArn"], through)
        case "sns", _:
            where = call.get("TopicArn") or f"{here}:{call['Name']}"
        case "cloudwatch", "PutMetricAlarm":
            where = f"{here}:alarm:{call['AlarmName']}"
        case "cloudwatch", "PutDashboard":
            where = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{call['DashboardName']}"
        case _:
            pytest.fail(f"{service} {operation} is new here: say which permissions it needs")
    yield Request(f"{service}:{operation}", where)
    if tagged:
        yield Request(f"{service}:TagResource", where)


def catalog_requests(
    service: str, operation: str, call: Mapping[str, Any], *, tagged: bool
) -> Iterator[Request]:
    here = f"arn:aws:{service}:{REGION}:{ACCOUNT}"
    match operation:
        case "CreateDatabase":
            name = call["DatabaseInput"]["Name"]
            where = [f"{here}:catalog", f"{here}:database/{name}"]
        case "CreateTable":
            parent, name = call["DatabaseName"], call["TableInput"]["Name"]
            where = [
                f"{here}:catalog",
                f"{here}:database/{parent}",
                f"{here}:table/{parent}/{name}",
            ]
        case "CreateWorkGroup":
            where = [f"{here}:workgroup/{call['Name']}"]
        case "CreateNamedQuery":
            where = [f"{here}:workgroup/{call['WorkGroup']}"]
        case _:
            pytest.fail(f"{service} {operation} is new here: say which permissions it needs")
    yield from (Request(f"{service}:{operation}", arn) for arn in where)
    if tagged:
        yield Request(f"{service}:TagResource", where[-1])


def asked(calls: list[Call]) -> list[Request]:
    """Return what IAM is asked for some calls; a role's later calls carry its boundary too."""
    carried = {
        call["RoleName"]: {"PermissionsBoundary": call.get("PermissionsBoundary")}
        for _, operation, call in calls
        if operation == "CreateRole"
    }
    return [
        request
        for service, operation, call in calls
        for request in requests(
            service, operation, {**carried.get(call.get("RoleName", ""), {}), **call}
        )
    ]


def test_the_deployer_may_make_the_stack(deployments):
    for variant, calls in deployments.items():
        documents = deployer.deployer(target(variant)).values()
        wanted = asked(calls)
        denied = [request for request in wanted if not authorization.allows(documents, request)]
        assert denied == [], variant
        assert {request.action.split(":")[0] for request in wanted} >= {
            "s3", "sqs", "lambda", "iam", "logs", "scheduler", "sns", "cloudwatch", "glue",
            "athena",
        }, variant  # fmt: skip


def test_the_deployer_of_another_stack_may_not(deployments):
    documents = deployer.deployer(replace(target(), name=f"{PROJECT}-other")).values()
    allowed = {
        request.action
        for calls in deployments.values()
        for request in asked(calls)
        # Every call to Glue needs the catalog, and what is in it as well.
        if not request.resource.endswith(":catalog") and authorization.allows(documents, request)
    }
    # A mapping's ARN names no stack: its tags, and they alone, are within every deployer's reach.
    assert allowed == {"lambda:TagResource"}


def test_whatever_the_deployer_may_write_is_called_or_has_its_reason(deployments):
    called = {request.action for calls in deployments.values() for request in asked(calls)}
    granted = {action for it in CALLS for action in it.writes}
    reasons = set().union(*NOT_CALLED_HERE.values())
    assert granted - called - OF_OPTIONS == reasons


def test_whatever_is_granted_is_called_for_a_resource_of_the_program():
    granted = authorization.actions(deployer.deployer(target()).values())
    assert granted == {action for it in CALLS for action in (*it.reads, *it.writes)}
    assert all(it.source.endswith(".go") for it in CALLS)


def test_the_table_has_every_type_of_the_program(graph):
    assert {it.type for it in graph.resources if it.is_aws} <= {it.type for it in CALLS}


def test_the_table_has_no_other_type():
    program = {it.type for variant in VARIANTS for it in run_variant(variant).resources}
    assert {it.type for it in CALLS} - program <= OPTIONAL_TYPES


def test_preview_reads_what_the_deployer_reads_and_writes_nothing():
    full = replace(target("full"), empties_buckets=True)
    granted = authorization.actions([deployer.preview(full)])
    assert granted == {action for it in CALLS for action in it.reads} | {"kms:Decrypt"}
    levels = {action: authorization.access_levels(action) for action in granted - {"kms:Decrypt"}}
    assert [action for action, level in levels.items() if not level <= {"Read", "List"}] == []


FULL = Target(
    # A role's name is at most 64 characters: with `-data-processor-role-` and Pulumi's digits.
    name="n" * 36,
    account=ACCOUNT,
    region="ap-southeast-1",
    partition="aws-us-gov",
    buckets=["b" * 63] * 3,
    kms_key_arn=KEY,
    permissions_boundary_arn=f"arn:aws-us-gov:iam::{ACCOUNT}:policy/{'p' * 128}",
    empties_buckets=True,
)


@pytest.mark.parametrize("name", policies.DOCUMENTS)
def test_a_document_fits_a_managed_policy(name):
    document = policies.DOCUMENTS[name](FULL)
    assert len(json.dumps(document, separators=(",", ":"))) <= deployer.MAX_POLICY_CHARACTERS
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids)
    assert all(sid.isalnum() for sid in sids)


@pytest.mark.parametrize("name", policies.DOCUMENTS)
@pytest.mark.parametrize("given", [target("dev"), target("full"), FULL], ids=lambda it: it.name)
def test_a_document_fits_the_service_authorization_reference(name, given):
    assert list(authorization.problems(policies.DOCUMENTS[name](given))) == []


def test_what_iam_would_ignore_is_seen():
    def problems(action: str, resource: str, **condition: Any) -> list[str]:
        statement = {"Effect": "Allow", "Action": [action], "Resource": [resource], **condition}
        return list(authorization.problems({"Statement": [statement]}))

    assert problems("s3:HeadObject", "arn:aws:s3:::b/k") == ["s3:HeadObject does not exist"]
    assert "s3:GetObject on arn:aws:s3:::b" in problems("s3:GetObject", "arn:aws:s3:::b")[0]
    assert "sqs:DeleteQueue on *" in problems("sqs:DeleteQueue", "*")[0]
    role = "arn:aws:iam::1:role/r"
    condition = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert "under {'iam:PassedToService'}" in problems("iam:GetRole", role, Condition=condition)[0]
    assert problems("iam:PassRole", role, Condition=condition) == []


def test_a_role_goes_to_lambda_and_the_scheduler_alone():
    documents = deployer.deployer(target()).values()
    role = f"arn:aws:iam::{ACCOUNT}:role/{target().name}-data-processor-role-1234567"

    def passed(service: str, arn: str = role) -> bool:
        request = Request("iam:PassRole", arn, {"iam:PassedToService": service})
        return authorization.allows(documents, request)

    assert passed("lambda.amazonaws.com")
    assert passed("scheduler.amazonaws.com")
    assert not passed("ec2.amazonaws.com")
    assert not passed("lambda.amazonaws.com", f"arn:aws:iam::{ACCOUNT}:role/admin")


def test_with_a_boundary_no_role_is_made_or_given_a_policy_without_it():
    bounded = deployer.deployer(replace(target(), permissions_boundary_arn=BOUNDARY)).values()
    role = f"arn:aws:iam::{ACCOUNT}:role/{target().name}-data-processor-role-1234567"
    grants = ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary")
    for action in grants:
        within, without = {"iam:PermissionsBoundary": BOUNDARY}, {"iam:PermissionsBoundary": "x"}
        assert authorization.allows(bounded, Request(action, role, within))
        assert not authorization.allows(bounded, Request(action, role, without))
        assert not authorization.allows(bounded, Request(action, role))
    assert "iam:DeleteRolePermissionsBoundary" not in authorization.actions(bounded)
    free = deployer.deployer(target()).values()
    assert authorization.allows(free, Request("iam:CreateRole", role))
    assert "iam:PutRolePermissionsBoundary" not in authorization.actions(free)


def test_data_is_deleted_only_where_the_stack_empties_its_buckets():
    version = f"arn:aws:s3:::{target().name}-raw-1234567/incoming/a.csv"
    own = {"aws:ResourceAccount": ACCOUNT}
    request = Request("s3:DeleteObjectVersion", version, own)
    emptying = deployer.deployer(replace(target(), empties_buckets=True)).values()
    assert authorization.allows(emptying, request)
    assert not authorization.allows(deployer.deployer(target()).values(), request)
    foreign = replace(request, context={"aws:ResourceAccount": "999999999999"})
    assert not authorization.allows(emptying, foreign)


def test_the_key_is_used_through_lambda_and_the_scheduler_alone():
    documents = deployer.deployer(target("full")).values()
    through = {"kms:ViaService": f"lambda.{REGION}.amazonaws.com"}
    assert authorization.allows(documents, Request("kms:CreateGrant", KEY, through))
    assert not authorization.allows(documents, Request("kms:CreateGrant", KEY))
    through = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
    assert not authorization.allows(documents, Request("kms:Decrypt", KEY, through))
    assert not {it for it in authorization.actions(deployer.deployer(target()).values())
                if it.startswith("kms:")}  # fmt: skip


def test_every_limit_is_in_one_policy():
    limits = [on for some in deployer.PURPOSES.values() for on in some]
    assert sorted(limits) == sorted(On)


def test_the_command_prints_a_document(capsys):
    policies.main(
        ["deployer-data", "--name", "p-s", "--account", ACCOUNT, "--region", REGION,
         "--bucket", "acme-raw", "--empty-buckets"]
    )  # fmt: skip
    printed = json.loads(capsys.readouterr().out)
    asked_for = Target(
        name="p-s", account=ACCOUNT, region=REGION, buckets=["acme-raw"], empties_buckets=True
    )
    assert printed == deployer.deployer(asked_for)["data"]


def test_the_command_says_what_an_account_is(capsys):
    with pytest.raises(SystemExit) as exit_:
        policies.main(["preview", "--name", "p-s", "--account", "1234", "--region", REGION])
    assert exit_.value.code == 2
    assert "--account: '1234', allowed: 12 digits" in capsys.readouterr().err


def test_the_commands_of_the_page_print_a_document(capsys):
    commands = re.findall(r"^\$ python -m infra\.policies (.*?) >", read(PAGE), re.MULTILINE)
    assert commands
    for command in commands:
        policies.main(shlex.split(command))
        assert json.loads(capsys.readouterr().out)["Statement"]


def test_the_page_names_every_option(capsys):
    with pytest.raises(SystemExit):
        policies.main(["--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert {it for it in options if it not in read(PAGE)} == set()


def test_a_functions_log_group_is_named_as_the_operators_policy_expects(graph):
    functions = {it.logical_name for it in graph.of("aws:lambda/function:Function")}
    groups = {it.logical_name for it in graph.of("aws:cloudwatch/logGroup:LogGroup")}
    assert groups == {f"{name}-logs" for name in functions}
