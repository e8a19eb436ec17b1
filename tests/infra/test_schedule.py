import json

from tests.infra.recording import ACCOUNT, KEY, PROJECT, REGION, Graph, run_program

SCHEDULE = "aws:scheduler/schedule:Schedule"


def test_the_archiver_runs_daily_at_two_utc(graph: Graph):
    inputs = graph.get(SCHEDULE, "daily-archive").inputs

    assert inputs["scheduleExpression"] == "cron(0 2 * * ? *)"
    assert inputs["scheduleExpressionTimezone"] == "UTC"
    assert inputs["flexibleTimeWindow"] == {"mode": "OFF"}
    assert inputs["groupName"] == graph.name("daily-archive")
    target = inputs["target"]
    assert json.loads(target["input"]) == {"time": "<aws.scheduler.scheduled-time>"}
    assert {key: value for key, value in target.items() if key != "input"} == {
        "arn": graph.arn("data-archiver"),
        "roleArn": graph.arn("daily-archive-role"),
        "retryPolicy": {"maximumRetryAttempts": 10, "maximumEventAgeInSeconds": 3600},
        "deadLetterConfig": {"arn": graph.arn("archiver-dead-letters")},
    }


def test_the_schedules_role_is_for_this_group_and_account_alone(graph: Graph):
    role = graph.get("aws:iam/role:Role", "daily-archive-role")

    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"] == [
        {
            "Sid": "AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": graph.arn("daily-archive")},
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
            },
        }
    ]


def test_the_schedule_may_invoke_the_archiver_and_report_what_it_could_not(graph: Graph):
    policy = graph.get("aws:iam/rolePolicy:RolePolicy", "daily-archive-policy")

    granted = json.loads(policy.inputs["policy"])["Statement"]
    assert [(it["Action"], it["Resource"]) for it in granted[:2]] == [
        (["lambda:InvokeFunction"], [graph.arn("data-archiver")]),
        (["sqs:SendMessage"], [graph.arn("archiver-dead-letters")]),
    ]
    assert (policy.type, policy.name) in graph.before(graph.get(SCHEDULE, "daily-archive"))


def test_the_schedule_comes_after_all_that_a_run_meets(graph: Graph):
    before = graph.before(graph.get(SCHEDULE, "daily-archive"))

    assert {
        (
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            "data-archiver-retries",
        ),
        ("aws:lambda/functionRecursionConfig:FunctionRecursionConfig", "data-archiver-recursion"),
        ("aws:iam/rolePolicy:RolePolicy", "data-archiver-invoke-itself"),
    } <= graph.all_of("data-archiver")
    assert graph.all_of("data-archiver") | graph.all_of("archiver-dead-letters") <= before


def test_the_schedule_is_encrypted_by_the_key_where_there_is_one(dev: Graph, full: Graph):
    def more(graph: Graph) -> list[dict[str, object]]:
        policy = graph.get("aws:iam/rolePolicy:RolePolicy", "daily-archive-policy")
        return json.loads(policy.inputs["policy"])["Statement"][2:]

    schedules = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{full.name('daily-archive')}/*"
    assert full.get(SCHEDULE, "daily-archive").inputs["kmsKeyArn"] == KEY
    assert more(full) == [
        {
            "Sid": "DecryptSchedule",
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": [KEY],
            # The scheduler asks by the role itself, through no service.
            "Condition": {
                "ArnLike": {"kms:EncryptionContext:aws:scheduler:schedule:arn": schedules}
            },
        },
        {
            "Sid": "UseKey",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": [KEY],
            "Condition": {"StringLike": {"kms:ViaService": [f"sqs.{REGION}.*"]}},
        },
    ]
    assert "kmsKeyArn" not in dev.get(SCHEDULE, "daily-archive").inputs
    assert more(dev) == []


def test_half_an_hour_later_the_processor_looks_for_what_is_left(graph: Graph):
    inputs = graph.get(SCHEDULE, "reconcile").inputs
    function = graph.outputs["data_processor_lambda_arn"]  # its alias, where it starts from one

    assert inputs["scheduleExpression"] == "cron(30 2 * * ? *)"
    target = inputs["target"]
    assert json.loads(target["input"]) == {"reconcile": {"by_schedule": True}}
    assert (target["arn"], target["deadLetterConfig"]) == (
        function,
        {"arn": graph.arn("dead-letters")},
    )
    policy = graph.get("aws:iam/rolePolicy:RolePolicy", "reconcile-policy").inputs["policy"]
    granted = json.loads(policy)["Statement"]
    assert [(it["Action"], it["Resource"]) for it in granted[:2]] == [
        (["lambda:InvokeFunction"], [function]),
        (["sqs:SendMessage"], [graph.arn("dead-letters")]),
    ]
    before = graph.before(graph.get(SCHEDULE, "reconcile"))
    assert graph.all_of("data-processor") | graph.all_of("dead-letters") <= before


def test_without_its_schedule_the_processor_neither_runs_daily_nor_invokes_itself():
    graph = run_program({"aws:region": REGION, f"{PROJECT}:reconcileSchedule": "off"}, stack="dev")

    assert [it.name for it in graph.of(SCHEDULE)] == ["daily-archive"]
    policies = {it.name for it in graph.of("aws:iam/rolePolicy:RolePolicy")}
    assert not {"data-processor-invoke-itself", "reconcile-policy"} & policies
