"""`doctor`: what it makes of a clock, of a denied call, and of no credentials at all."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.stub import Stubber

from infra import permissions
from infra.datasets.tables import of_declarations
from ops import aws
from ops.pipeline.doctor import alarms, buckets, events, functions, identity, roles, tables
from ops.pipeline.doctor.examination import CHECKS, examine
from ops.pipeline.doctor.findings import Deployment, Finding, Verdict, ok
from ops.pipeline.grants import Grant
from ops.stack import Stack
from tests.ops.conftest import DONE, OLD, RAW, REGION, Pipeline, client

NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
DATE = "Mon, 15 Jan 2024 10:30:00 GMT"


@pytest.mark.parametrize(
    ("seconds", "verdict", "said"),
    [
        (0, Verdict.OK, "within 1 s"),
        (-300, Verdict.OK, "within 300 s"),
        (301, Verdict.PROBLEM, "301 s ahead of"),
        (-301, Verdict.PROBLEM, "301 s behind"),
    ],
)
def test_a_clock_may_be_off_by_five_minutes(seconds, verdict, said):
    found = identity.clock(NOW + timedelta(seconds=seconds), DATE)
    assert found.verdict == verdict
    assert said in found.says


def test_without_a_date_the_clock_is_not_known():
    assert identity.clock(NOW, None).verdict == Verdict.UNKNOWN


def refused(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "no"}}
    return ClientError(answer, "GetBucketVersioning")


def examined(*errors: Exception) -> list[Finding]:
    def check(error: Exception) -> Any:
        def run(_: Deployment) -> Iterator[Finding]:
            yield ok("first", "fine")
            raise error

        return run

    checks = {f"{place}": check(error) for place, error in enumerate(errors)}
    return [*examine(Any, checks={**checks, "last": lambda _: iter([ok("last", "fine")])})]


def test_a_denied_call_is_unknown_with_its_permission_and_the_rest_goes_on():
    first, denied, last = examined(refused("AccessDenied"))
    assert (first.verdict, denied.verdict, last.about) == (Verdict.OK, Verdict.UNKNOWN, "last")
    assert "s3:GetBucketVersioning" in denied.says


@pytest.mark.parametrize("error", [NoCredentialsError(), refused("ExpiredToken")])
def test_without_credentials_there_is_one_problem_and_no_further_check(error):
    _, found = examined(error, refused("AccessDenied"))
    assert (found.about, found.verdict) == ("0", Verdict.PROBLEM)


def deployment(pipeline: Pipeline) -> Deployment:
    account = aws.connect(Stack.from_outputs(pipeline.outputs, origin="test"))
    return Deployment(account=account, now=lambda: datetime.now(UTC))


def test_another_account_is_a_problem(pipeline: Pipeline):
    for name in ("data_processor_lambda_arn", "data_archiver_lambda_arn"):
        pipeline.outputs[name] = pipeline.outputs[name].replace("123456789012", "111122223333")
    found = identity.credentials(deployment(pipeline))
    assert "is in account 123456789012, the stack in 111122223333" in next(found).says


def test_a_bucket_that_is_gone_is_a_problem_and_what_it_is_needed_for_unknown(pipeline: Pipeline):
    pipeline.s3.delete_bucket(Bucket=RAW)
    found = json.loads(pipeline.run("doctor", "--json").stdout)["findings"]
    by_name = {one["about"]: one for one in found}
    assert by_name["raw bucket"]["verdict"] == "problem"
    assert by_name["versions"]["verdict"] == "unknown"
    assert by_name["subscribers of alarms"]["verdict"] in {"problem", "unknown"}


def test_environments_that_lambda_cannot_decrypt_for_the_caller_are_unknown(undecrypted: Pipeline):
    environments = {"environments": CHECKS["environments"]}
    (found,) = examine(deployment(undecrypted), checks=environments)
    assert found.verdict == Verdict.UNKNOWN
    assert "the permission kms:Decrypt" in found.says


@pytest.mark.parametrize(
    ("arns", "verdict", "said"),
    [
        ([], Verdict.PROBLEM, "none: nobody hears"),
        (["arn:aws:sns:eu-central-1:1:alarms:1"], Verdict.OK, "1 confirmed"),
        (["Deleted"], Verdict.PROBLEM, "none: nobody hears"),
        (["Deleted", "arn:aws:sns:eu-central-1:1:alarms:2"], Verdict.OK, "1 confirmed"),
        (["Deleted", "PendingConfirmation"], Verdict.PROBLEM, "0 confirmed; PendingConfirmation"),
    ],
)
def test_a_subscriber_is_who_confirmed_and_has_not_unsubscribed(pipeline, arns, verdict, said):
    examined = deployment(pipeline)
    listed = [{"SubscriptionArn": arn, "Endpoint": "a@b.example"} for arn in arns]
    with Stubber(examined.account.sns) as sns:
        sns.add_response("list_subscriptions_by_topic", {"Subscriptions": listed})
        (found,) = alarms.subscribers(examined)
    assert (found.verdict, said in found.says) == (verdict, True)


A, B = f"arn:aws:s3:::{RAW}/a", f"arn:aws:s3:::{RAW}/b"
ROLE = "arn:aws:iam::123456789012:role/data-processor"


def evaluated(action: str, *decisions: str, **more: Any) -> dict[str, Any]:
    """Return what IAM answers for an action on A and B: one result, which names a template."""
    each = [
        {"EvalResourceName": arn, "EvalResourceDecision": decided}
        for arn, decided in zip((A, B), decisions, strict=True)
    ]
    return {
        "EvalActionName": action,
        "EvalResourceName": "arn:${Partition}:s3:::${BucketName}/${KeyName}",
        "EvalDecision": max(decisions),  # here the one that is no "allowed"
        "ResourceSpecificResults": each,
        **more,
    }


def by_organizations(allowed: bool) -> dict[str, Any]:
    return {"OrganizationsDecisionDetail": {"AllowedByOrganizations": allowed}}


def simulated(pipeline: Pipeline, *results: dict[str, Any]) -> Finding:
    examined = deployment(pipeline)
    grant = Grant(actions=("s3:GetObject", "s3:PutObject"), resources=(A, B))
    with Stubber(examined.account.iam) as iam:
        iam.add_response("simulate_principal_policy", {"EvaluationResults": [*results]})
        return roles.simulated(examined, "role", ROLE, [grant])


def test_the_decision_on_each_resource_counts_and_is_told(pipeline: Pipeline):
    reads = evaluated("s3:GetObject", "allowed", "allowed", **by_organizations(True))
    writes = evaluated("s3:PutObject", "allowed", "implicitDeny", **by_organizations(True))
    assert simulated(pipeline, reads).verdict == Verdict.OK
    found = simulated(pipeline, reads, writes)
    assert found.verdict == Verdict.PROBLEM
    assert found.says == f"denied: s3:PutObject on {B} (implicitDeny)"


def test_an_action_without_resources_has_one_decision(pipeline: Pipeline):
    one = {"EvalActionName": "cloudwatch:GetMetricStatistics", "EvalResourceName": "*"}
    assert simulated(pipeline, {**one, "EvalDecision": "allowed"}).verdict == Verdict.OK
    found = simulated(pipeline, {**one, "EvalDecision": "implicitDeny"})
    assert found.says == "denied: cloudwatch:GetMetricStatistics on * (implicitDeny)"


def test_what_an_organization_denies_in_a_simulation_is_unknown(pipeline: Pipeline):
    theirs = evaluated("s3:GetObject", "explicitDeny", "allowed", **by_organizations(False))
    found = simulated(pipeline, theirs)
    assert found.verdict == Verdict.UNKNOWN
    assert f"a service control policy denies s3:GetObject on {A} (explicitDeny)" in found.says
    both = simulated(pipeline, theirs, evaluated("s3:PutObject", "implicitDeny", "allowed"))
    assert both.verdict == Verdict.PROBLEM
    assert f"denied: s3:PutObject on {A} (implicitDeny); a service control policy" in both.says


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"aws:RequestedRegion": [REGION, "us-east-1"]}},
        {"BoolIfExists": {"aws:SecureTransport": "false"}},
        {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/data-*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}},
    ],
)
def test_a_usual_condition_of_a_real_call_is_met(pipeline: Pipeline, condition: Any):
    everything = {"Action": "*", "Resource": "*"}
    denied = {"Effect": "Deny", **everything, "Condition": condition}
    permit("data-processor", {"Effect": "Allow", **everything}, denied)
    grant = Grant(actions=("s3:GetObject",), resources=(A,))
    assert roles.simulated(deployment(pipeline), "role", ROLE, [grant]).verdict == Verdict.OK


def permit(role: str, *statements: Any) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    client("iam").put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document)


def verdicts_of(pipeline: Pipeline, check: str) -> dict[str, Verdict]:
    found = examine(deployment(pipeline), checks={check: CHECKS[check]})
    return {one.about: one.verdict for one in found}


def test_a_stack_with_jobs_has_a_role_for_them_and_may_replay_files(pipeline: Pipeline):
    everything: Any = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    permit("data-processor", everything)
    assert verdicts_of(pipeline, "role of the jobs") == {}
    role = client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument="{}")["Role"]
    pipeline.outputs["batch_operations_role_arn"] = role["Arn"]
    assert verdicts_of(pipeline, "role of the jobs") == {"role of the jobs": Verdict.PROBLEM}
    permit("jobs", *permissions.run_jobs(
        processed=f"arn:aws:s3:::{DONE}",
        function=pipeline.outputs["data_processor_lambda_arn"],
        account="123456789012",
    ))  # fmt: skip
    assert verdicts_of(pipeline, "role of the jobs") == {"role of the jobs": Verdict.OK}
    processor = "role of the processor"
    assert verdicts_of(pipeline, processor) == {processor: Verdict.OK}
    incoming = f"arn:aws:s3:::{RAW}/incoming/*"
    permit("data-processor", everything,
           {"Effect": "Deny", "Action": "s3:PutObject", "Resource": incoming})  # fmt: skip
    assert verdicts_of(pipeline, processor) == {processor: Verdict.PROBLEM}
    del pipeline.outputs["batch_operations_role_arn"]
    assert verdicts_of(pipeline, processor) == {processor: Verdict.OK}


def test_a_processor_with_a_schedule_may_invoke_itself(pipeline: Pipeline):
    function = pipeline.outputs["data_processor_lambda_arn"]
    role = client("iam").create_role(RoleName="daily", AssumeRolePolicyDocument="{}")["Role"]
    client("scheduler").create_schedule(
        Name="daily", GroupName="default", ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": function, "RoleArn": role["Arn"]},
    )  # fmt: skip
    about = "role of the processor, to go on with a scheduled run"
    assert verdicts_of(pipeline, "schedules")[about] == Verdict.PROBLEM
    permit("data-processor", permissions.invoke(function))
    assert verdicts_of(pipeline, "schedules")[about] == Verdict.OK


def statement(**changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Condition": {
            "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::raw"},
            "StringEquals": {"aws:SourceAccount": "1"},
        },
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "lets"),
    [
        ({}, True),
        ({"Action": ["SQS:SendMessage"]}, True),
        ({"Condition": {"ArnLike": {"AWS:SourceArn": ["arn:aws:s3:::raw"]}}}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": "*"}, False),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, False),
        ({"Action": "sqs:ReceiveMessage"}, False),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::other"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "2"}}}, False),
    ],
)
def test_the_policy_of_a_target_lets_s3_send_the_buckets_events(changes, lets):
    policy = {"Statement": [statement(**changes)]}
    found = events.lets_s3_send(policy, "sqs:SendMessage", bucket="arn:aws:s3:::raw", account="1")
    assert found is lets


def test_every_check_is_about_something_of_its_own():
    assert len(set(CHECKS.values())) == len(CHECKS)


def verdicts(found: Iterator[Finding]) -> dict[str, Verdict]:
    findings = list(found)
    assert all(one.mend for one in findings if one.verdict is Verdict.PROBLEM)
    return {one.about: one.verdict for one in findings}


def test_a_bucket_that_encrypts_nothing_by_default_is_a_problem(pipeline: Pipeline):
    default = {"SSEAlgorithm": "AES256"}
    rules = [{"ApplyServerSideEncryptionByDefault": default}]
    for bucket in (RAW, DONE):
        pipeline.s3.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules}
        )
    pipeline.s3.delete_bucket_encryption(Bucket=OLD)
    assert verdicts(buckets.encryption(deployment(pipeline))) == {
        "raw bucket, encryption": Verdict.OK,
        "processed bucket, encryption": Verdict.OK,
        "archive bucket, encryption": Verdict.PROBLEM,
    }


def test_a_log_group_that_is_missing_is_a_problem(pipeline: Pipeline):
    logs = client("logs")
    # Its name begins as the other's, by which AWS lists groups.
    for group in ("data-logs-archiver", "data-logs-processor-of-another"):
        logs.create_log_group(logGroupName=group)
        logs.put_retention_policy(logGroupName=group, retentionInDays=14)
    assert verdicts(functions.logs(deployment(pipeline))) == {
        "logs of the processor": Verdict.PROBLEM,
        "logs of the archiver": Verdict.OK,
    }


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, Verdict.OK, "Active"),
        ({"State": "Inactive"}, Verdict.OK, "Inactive"),
        ({"State": "Failed", "StateReason": "no key"}, Verdict.PROBLEM, "Failed: no key"),
        (
            {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no image"},
            Verdict.PROBLEM,
            "its last update: Failed no image",
        ),
    ],
)
def test_a_function_that_failed_is_a_problem(pipeline: Pipeline, changes, verdict, said):
    examined = deployment(pipeline)
    cast("dict[str, Any]", examined.processor).update(changes)
    first, other = functions.states(examined)
    assert (first.verdict, other.verdict) == (verdict, Verdict.OK)
    assert first.says.startswith(said)


DATASETS = {
    "orders": {
        "prefix": "examples/orders/",
        "schema": {"type": "object", "properties": {"order": {"type": "string"}}},
    }
}
DAYS = "${partition_day}/examples/orders/"


def queried(pipeline: Pipeline) -> Deployment:
    """Return the stack with the tables of a dataset, and a workgroup."""
    pipeline.outputs |= {
        "datasets": json.dumps(DATASETS),
        "glue_database_name": "db",
        "athena_workgroup_name": "queries",
    }
    glue = client("glue")
    glue.create_database(DatabaseInput={"Name": "db"})
    stack = Stack.from_outputs(pipeline.outputs, origin="test")
    for table in of_declarations(DATASETS):
        bucket = OLD if table.name.endswith(("_archive", "_bundles")) else DONE
        columns = [{"Name": it.name, "Type": it.type} for it in table.columns]
        glue.create_table(
            DatabaseName="db",
            TableInput={
                "Name": table.name,
                "Parameters": table.parameters(bucket),
                "StorageDescriptor": {"Columns": columns},
            },
        )
    set_limit({"BytesScannedCutoffPerQuery": 10**10, "EnforceWorkGroupConfiguration": True})
    return Deployment(account=aws.connect(stack), now=lambda: datetime.now(UTC))


def set_limit(configuration: dict[str, Any]) -> None:
    client("athena").create_work_group(Name="queries", Configuration=configuration)


def test_the_tables_are_as_declared(pipeline: Pipeline):
    examined = queried(pipeline)
    (found,), (group,) = tables.existence(examined), tables.workgroup(examined)
    says = "orders, orders_archive, orders_bundles, orders_rejected"
    assert (found.verdict, found.says) == (Verdict.OK, says)
    assert (group.verdict, group.says) == (Verdict.OK, "queries, 10000000000 bytes a query")


def test_a_table_that_is_missing_or_another_is_a_problem(pipeline: Pipeline):
    examined, glue = queried(pipeline), client("glue")
    kept = {"Name": "orders", "StorageDescriptor": {"Columns": []}}
    parameters = of_declarations(DATASETS)[0].parameters(DONE)
    glue.delete_table(DatabaseName="db", Name="orders_archive")
    glue.update_table(DatabaseName="db", TableInput={**kept, "Parameters": parameters})
    moved = {**parameters, "storage.location.template": f"s3://other/processed/{DAYS}"}
    (found,) = tables.existence(examined)
    assert found.verdict == Verdict.PROBLEM
    assert "orders has other columns than its declaration" in found.says
    assert "orders_archive is not there" in found.says
    glue.update_table(DatabaseName="db", TableInput={**kept, "Parameters": moved})
    (found,) = tables.existence(examined)
    assert "orders has another storage.location.template" in found.says


def test_without_the_database_every_table_is_missing(pipeline: Pipeline):
    examined = queried(pipeline)
    client("glue").delete_database(Name="db")
    (found,) = tables.existence(examined)
    assert found.says == "; ".join(
        f"orders{suffix} is not there" for suffix in ("", "_archive", "_bundles", "_rejected")
    )


def test_a_workgroup_without_a_limit_is_a_problem(pipeline: Pipeline):
    examined, athena = queried(pipeline), client("athena")
    athena.delete_work_group(WorkGroup="queries")
    set_limit({"EnforceWorkGroupConfiguration": False})
    (found,) = tables.workgroup(examined)
    assert found.verdict == Verdict.PROBLEM
    assert found.says == "a query may read without a limit; a query may set its own settings"


def test_a_workgroup_that_is_gone_is_a_problem(pipeline: Pipeline):
    examined = queried(pipeline)
    # As Athena answers; moto has no answer of its own.
    # https://docs.aws.amazon.com/athena/latest/APIReference/API_GetWorkGroup.html
    with Stubber(examined.account.athena) as athena:
        athena.add_client_error("get_work_group", "InvalidRequestException", "not found")
        (found,) = tables.workgroup(examined)
    assert (found.verdict, found.says) == (Verdict.PROBLEM, "there is no queries")


def test_a_stack_without_a_dataset_has_no_finding_about_tables(pipeline: Pipeline):
    examined = deployment(pipeline)
    assert [*tables.existence(examined), *tables.workgroup(examined)] == []
