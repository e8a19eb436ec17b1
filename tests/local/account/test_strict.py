import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from moto import mock_aws
from moto.awslambda.models import LambdaFunction
from moto.core import utils
from moto.core.model import OperationModel, ServiceModel
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from local.account.strict import ruleset
from tests.local.account.semantics import archived, buckets, jobs, objects, queues, uploads
from tests.local.account.semantics.table import SEMANTICS, Account

ROOT = Path(__file__).parents[3]
TABLE = (archived, buckets, jobs, objects, queues, uploads)

by_name = pytest.mark.parametrize("semantic", SEMANTICS, ids=lambda one: one.name)


@pytest.fixture(scope="module", autouse=True)
def installed():
    ruleset.install()


@pytest.fixture(scope="module")
def clients():
    return {}


@pytest.fixture(scope="module")
def server():
    started = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield Account(endpoint=f"http://{host}:{port}")
    started.stop()


@pytest.fixture
def served(server):
    reset = urllib.request.Request(f"{server.endpoint}/moto-api/reset", method="POST")  # noqa: S310
    urllib.request.urlopen(reset).close()  # noqa: S310
    return server


@by_name
def test_in_this_process(semantic, clients):
    with mock_aws():
        semantic.check(Account(clients=clients))


@by_name
def test_over_http(semantic, served):
    semantic.check(served)


def test_the_rules_are_needed():
    """moto alone keeps just those rules of the table that say so."""
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.local.account.semantics.bare"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=200,
    )
    kept = {one.name for one in SEMANTICS if one.moto}
    assert set(json.loads(answer.stdout.splitlines()[-1])) == kept


def test_names_and_sources():
    assert len({one.name for one in SEMANTICS}) == len(SEMANTICS) >= 100
    assert all(one.source for one in SEMANTICS)


def test_install_again_wraps_nothing_twice():
    before = LambdaFunction.update_configuration
    ruleset.install()
    assert LambdaFunction.update_configuration is before


def test_another_moto_is_refused(monkeypatch):
    monkeypatch.setattr(ruleset, "version", lambda _: "5.2.6")
    with pytest.raises(RuntimeError, match=r"5\.2\.6.*5\.2\.5"):
        ruleset.install()


def test_threads_that_route_the_first_requests_see_whole_models():
    """moto's router needs its own models of operations, not botocore's, from the first on."""

    class Seen(dict):
        def __setitem__(self, key, value):
            super().__setitem__(key, value)
            reader = threading.Thread(
                target=lambda: read.append(model.operation_model("GetObject"))
            )
            reader.start()
            reader.join(0.05)
            readers.append(reader)

    def read_it():
        read.append(model.operation_model("GetObject"))

    read, readers = [], []
    model = ServiceModel(utils._load_service_model("s3", "service-2"), "s3")
    model._instance_cache = Seen()
    model.operation_model("GetObject")
    for reader in readers:
        reader.join(20)
    assert len(read) >= 2
    assert all(isinstance(one, OperationModel) for one in read)


def test_a_function_that_an_event_invokes_may_call_s3(served, monkeypatch):
    """The request is over before its events are sent: what they start sees the object."""
    seen = []

    def invoke(_function, body, *_):
        (record,) = json.loads(body)["Records"]
        read = threading.Thread(
            target=lambda: seen.append(served.read("a-bucket", record["s3"]["object"]["key"]))
        )
        read.start()
        read.join(20)

    monkeypatch.setattr(LambdaFunction, "invoke", invoke)
    served.bucket()
    arn = buckets.make_function(served)
    served.functions.add_permission(
        FunctionName=arn,
        StatementId="it",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::a-bucket",
    )
    served.s3.put_bucket_notification_configuration(
        Bucket="a-bucket",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    served.put("a-bucket", "key", b"whole")
    assert seen == [b"whole"]
