import json
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from local.account.server import Account
from local.program.configuration import ConfigurationError
from local.program.deployment import Deployment, deploy
from local.program.execution import DeploymentError

# The SDK warns of its own former names as soon as a module of it is looked at.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws.*")

Run = Callable[..., Deployment]

PROJECT = "name: shop\nconfig:\n  days: {type: integer, default: 30}\n"
HEADER = (
    "import json\nimport pulumi\nimport pulumi_aws as aws\nfrom pulumi import ResourceOptions\n"
)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with Account() as opened:
        yield opened


@pytest.fixture
def run(account: Account, tmp_path: Path) -> Run:
    account.reset()

    def run(program: str, **options: Any) -> Deployment:
        (tmp_path / "Pulumi.yaml").write_text(PROJECT)
        path = tmp_path / "__main__.py"
        path.write_text(HEADER + textwrap.dedent(program))
        return deploy(account, program=path, **options)

    return run


class TestAProgram:
    def test_its_outputs_are_plain_values(self, run: Run) -> None:
        deployment = run("""
            queue = aws.sqs.Queue("messages", visibility_timeout_seconds=60)
            pulumi.export("url", queue.url)
            pulumi.export("seconds", queue.visibility_timeout_seconds)
            pulumi.export("share", 0.5)
            pulumi.export("secret", pulumi.Output.secret("open"))
            pulumi.export("nested", {"names": [queue.name, None], "on": True})
            pulumi.export("nothing", None)
            pulumi.export("days", pulumi.Config().require_int("days"))
        """)

        (queue,) = deployment.of_type("aws:sqs/queue:Queue")
        assert deployment.outputs == {
            "url": queue.id,
            "seconds": 60,
            "share": 0.5,
            "secret": "open",
            "nested": {"names": [queue.outputs["name"], None], "on": True},
            "days": 30,
        }
        assert type(deployment.outputs["seconds"]) is int
        json.dumps(deployment.outputs)

    def test_each_resource_is_recorded_as_the_engine_would_know_it(self, run: Run) -> None:
        deployment = run("""
            class Box(pulumi.ComponentResource):
                def __init__(self, name, opts=None):
                    super().__init__("shop:index:Box", name, None, opts)
                    mine = ResourceOptions(parent=self)
                    self.dead = aws.sqs.Queue("dead", opts=mine)
                    self.work = aws.sqs.Queue(
                        "work",
                        redrive_policy=pulumi.Output.json_dumps(
                            {"deadLetterTargetArn": self.dead.arn, "maxReceiveCount": 3}
                        ),
                        opts=ResourceOptions(parent=self, protect=True),
                    )

            outer = pulumi.ComponentResource("shop:index:Outer", "outer")
            provider = aws.Provider("mine", region="eu-west-1")
            box = Box("box", ResourceOptions(parent=outer, providers=[provider]))
            aws.sns.Topic("last", opts=ResourceOptions(depends_on=[box.work]))
        """)

        named = {one.name: one for one in deployment.resources}
        kinds = "shop:index:Outer$shop:index:Box"
        assert named["box"].urn == f"urn:pulumi:dev::shop::{kinds}::box"
        assert named["work"].urn == f"urn:pulumi:dev::shop::{kinds}$aws:sqs/queue:Queue::work"
        assert named["work"].parent == named["box"].urn
        assert named["work"].dependencies == (named["dead"].urn,)
        assert (named["work"].protect, named["dead"].protect) == (True, False)
        assert named["work"].provider == named["mine"].urn
        assert named["work"].outputs["arn"].startswith("arn:aws:sqs:eu-west-1:")
        assert named["box"].id is None
        assert deployment.upstream(named["last"].urn) == {named["work"].urn, named["dead"].urn}
        order = [one.name for one in deployment.resources]
        assert order.index("dead") < order.index("work") < order.index("last")
        assert deployment.named("work") is named["work"]
        with pytest.raises(LookupError, match="0 resources 'wrok' of type any, known: box, dead"):
            deployment.named("wrok")

    def test_the_providers_tags_are_on_whatever_takes_tags(
        self, run: Run, account: Account
    ) -> None:
        deployment = run("""
            provider = aws.Provider("mine", default_tags={"tags": {"Team": "a", "Stage": "dev"}})
            opts = ResourceOptions(provider=provider)
            queue = aws.sqs.Queue("messages", tags={"Team": "b"}, opts=opts)
            aws.sqs.QueuePolicy(
                "policy",
                queue_url=queue.url,
                policy=json.dumps({"Version": "2012-10-17", "Statement": []}),
                opts=opts,
            )
        """)

        queue, policy = deployment.named("messages"), deployment.named("policy")
        assert queue.outputs["tagsAll"] == {"Team": "b", "Stage": "dev"}
        assert queue.inputs["tags"] == {"Team": "b"}
        assert "tagsAll" not in policy.outputs
        found = account.client("sqs").list_queue_tags(QueueUrl=queue.id)["Tags"]
        assert found == {"Team": "b", "Stage": "dev"}
        assert deployment.named("mine").inputs["defaultTags"] == {
            "tags": {"Team": "a", "Stage": "dev"}
        }

    def test_without_a_provider_the_stacks_own_configuration_counts(self, run: Run) -> None:
        config = {"aws:region": "eu-west-1", "aws:defaultTags": '{"tags": {"Team": "a"}}'}
        deployment = run(
            'pulumi.export("region", aws.get_region().region)\naws.sqs.Queue("q")', config=config
        )
        queue = deployment.named("q")
        assert queue.outputs["tagsAll"] == {"Team": "a"}
        assert queue.outputs["region"] == deployment.outputs["region"] == "eu-west-1"

    def test_a_stacks_file_does_not_say_which_account_or_how_to_reach_it(
        self, run: Run, tmp_path: Path
    ) -> None:
        (tmp_path / "Pulumi.dev.yaml").write_text("""config:
          aws:region: eu-west-1
          aws:profile: work
          aws:allowedAccountIds: ["000000000001"]
          aws:defaultTags: {tags: {Team: a}}
        """)
        deployment = run(
            'pulumi.export("keys", sorted(pulumi.runtime.config.CONFIG.get()))', stack="dev"
        )
        keys = ["aws:defaultTags", "aws:region", "shop:days"]
        assert deployment.outputs["keys"] == keys

    def test_it_learns_who_and_where_it_is(self, run: Run) -> None:
        deployment = run("""
            pulumi.export("account", aws.get_caller_identity().account_id)
            pulumi.export("region", aws.get_region_output().region)
            pulumi.export("partition", aws.get_partition().partition)
            pulumi.export("stack", pulumi.get_stack())
        """, stack="test")  # fmt: skip
        assert deployment.outputs == {
            "account": "123456789012",
            "region": "us-east-1",
            "partition": "aws",
            "stack": "test",
        }

    def test_the_users_own_region_is_not_read(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        deployment = run('pulumi.export("region", aws.config.region)')
        assert deployment.outputs == {"region": "us-east-1"}

    def test_it_runs_again_in_the_same_process_with_the_same_names(
        self, run: Run, account: Account
    ) -> None:
        program = 'pulumi.export("name", aws.sqs.Queue("messages").name)'
        first = run(program).outputs
        account.reset()
        second = run(program).outputs
        other = run(program, seed="other").outputs

        assert first == second
        assert first != other

    def test_it_runs_again_after_a_failure(self, run: Run) -> None:
        with pytest.raises(DeploymentError):
            run('raise RuntimeError("once")')
        assert run('pulumi.export("ok", True)').outputs == {"ok": True}

    def test_an_archive_may_be_replaced_before_it_is_unpacked(self, run: Run) -> None:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        other = pulumi.AssetArchive({"m.py": pulumi.StringAsset("here = True\n")})
        deployment = run(
            f"""
            role = aws.iam.Role("role", assume_role_policy=json.dumps({trust}))
            aws.lambda_.Function(
                "worker",
                role=role.arn,
                handler="m.h",
                runtime="python3.13",
                code=pulumi.AssetArchive({{"m.py": pulumi.StringAsset("there = True")}}),
            )
            """,
            repackage=lambda _: other,
        )

        worker = deployment.named("worker")
        assert worker.archive is not None
        with zipfile.ZipFile(worker.archive) as opened:
            assert opened.read("m.py") == b"here = True\n"
        assert worker.inputs["code"].assets["m.py"].text == "there = True"


class TestAFailure:
    @pytest.mark.parametrize(
        ("program", "message"),
        [
            ('raise RuntimeError("why")', "the program stopped: RuntimeError: why"),
            (
                "pulumi.Output.from_input(1).apply(lambda one: one / 0)",
                "the program stopped: ZeroDivisionError: division by zero",
            ),
            (
                'aws.sqs.Queue("q").arn.apply(lambda arn: {}[arn])',
                "the program stopped: KeyError: 'arn:aws:sqs:",
            ),
            ('pulumi.log.error("two problems"); raise SystemExit(1)', "two problems"),
            ("raise SystemExit(3)", "the program ended with exit code 3"),
            ('pulumi.log.error("said and went on")', "said and went on"),
            (
                'aws.sqs.Queue("q", name=f"{aws.sqs.Queue(chr(112)).name}-more")',
                "the program stopped: _OutputToStringError: ",
            ),
            ('aws.dynamodb.Table("t", hash_key="k")', "aws:dynamodb/table:Table 't': unknown"),
            ('pulumi.CustomResource("a:b:C", "c", {})', "a:b:C 'c': unknown resource type"),
            ('aws.sqs.Queue("q", visibility_timeout_seconds="1")', "aws:sqs/queue:Queue 'q': visi"),
            ('aws.sqs.Queue("q"); aws.sqs.Queue("q")', "aws:sqs/queue:Queue 'q': two resources"),
            ('aws.sqs.Queue.get("q", "url")', "aws:sqs/queue:Queue 'q': reads 'url' of an empty"),
            ("aws.get_ip_ranges(services=[])", "the program stopped: LookupError: aws:index/"),
            (
                "pulumi.runtime.register_resource_transform(lambda _: None)",
                "transforms are not run on this machine",
            ),
            (
                'aws.Provider("p", allowed_account_ids=["000000000001"])',
                "pulumi:providers:aws 'p': account is 123456789012, allowed: ['000000000001']",
            ),
            (
                'aws.Provider("p", ignore_tags={"keys": ["a"]})',
                "pulumi:providers:aws 'p': ignoreTags is without effect on this machine",
            ),
        ],
    )  # fmt: skip
    def test_it_is_one_error_that_says_where(self, run: Run, program: str, message: str) -> None:
        with pytest.raises(DeploymentError) as caught:
            run(program)
        assert str(caught.value).startswith(message)
        assert len(str(caught.value).splitlines()) < 10

    def test_what_aws_refuses_ends_it_before_the_rest_is_made(
        self, run: Run, account: Account
    ) -> None:
        with pytest.raises(DeploymentError, match="'versions': PutBucketVersioning: NoSuchBucket"):
            run("""
                versions = aws.s3.BucketVersioning(
                    "versions",
                    bucket="missing",
                    versioning_configuration={"status": "Enabled"},
                )
                aws.sqs.Queue("later", opts=ResourceOptions(depends_on=[versions]))
            """)
        assert "QueueUrls" not in account.client("sqs").list_queues()

    def test_two_resources_that_are_the_same_thing_are_refused(self, run: Run) -> None:
        with pytest.raises(DeploymentError, match="another resource of the program is 'raw-name'"):
            run("""
                bucket = aws.s3.Bucket("raw", bucket="raw-name")
                first = aws.s3.BucketNotification("first", bucket=bucket.id, eventbridge=True)
                aws.s3.BucketNotification("second", bucket=bucket.id, eventbridge=True)
            """)

    def test_it_ends_at_the_limit(self, run: Run) -> None:
        started = time.monotonic()
        with pytest.raises(DeploymentError, match=r"no end after 4 s, made so far: messages"):
            run("""
                import asyncio
                aws.sqs.Queue("messages")
                pulumi.export("never", pulumi.Output.from_input(asyncio.sleep(3600)))
            """, time_limit_seconds=4)  # fmt: skip
        assert time.monotonic() - started < 60

    def test_a_setting_that_is_not_declared_is_an_error(self, run: Run) -> None:
        with pytest.raises(ConfigurationError, match="shop:dayz is not a setting, allowed: days"):
            run("pass", config={"dayz": "1"})


class TestAForgottenDependency:
    PROGRAM = """
        queue = aws.sqs.Queue("messages")
        bucket = aws.s3.Bucket("raw")
        policy = aws.sqs.QueuePolicy(
            "policy",
            queue_url=queue.url,
            policy=pulumi.Output.json_dumps({{
                "Version": "2012-10-17",
                "Statement": [{{
                    "Effect": "Allow",
                    "Principal": {{"Service": "s3.amazonaws.com"}},
                    "Action": "sqs:SendMessage",
                    "Resource": queue.arn,
                }}],
            }}),
        )
        aws.s3.BucketNotification(
            "events",
            bucket=bucket.id,
            queues=[{{"queue_arn": queue.arn, "events": ["s3:ObjectCreated:*"]}}],
            opts=ResourceOptions(depends_on=[{depends_on}]),
        )
    """

    def test_it_is_found_when_what_is_depended_on_is_held_back(self, run: Run) -> None:
        with pytest.raises(DeploymentError, match=r"'events': .*Unable to validate the following"):
            run(self.PROGRAM.format(depends_on=""), held_back=_is_policy)

    def test_holding_back_does_no_harm_where_none_is_forgotten(self, run: Run) -> None:
        deployment = run(self.PROGRAM.format(depends_on="policy"), held_back=_is_policy)
        assert [one.name for one in deployment.resources][-2:] == ["policy", "events"]


def _is_policy(token: str, _name: str) -> bool:
    return token.endswith("Policy")
