import copy
import json
import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import botocore
import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from handlers import data_archiver, data_processor
from handlers.aws import clients
from handlers.aws.operations import OLDEST_BOTOCORE, PARAMETERS, missing_parameters
from handlers.environment import (
    ArchiverEnvironment,
    Encoding,
    MisconfigurationError,
    ProcessorEnvironment,
)
from handlers.invocation.telemetry import Telemetry
from tests.proof.files import BY_NAME
from tests.proof.memory import aws_error
from tests.proof.world import PROCESSED, RAW, Context, World, batch, small_limits

LOCKED = Path(__file__).parents[2] / "oldest" / "requirements.txt"
VALUES = {str: "text", Encoding | None: "cp1252", int: "1", float: "10", bool: "true"}


def described(service):
    """Return a service as the installed botocore describes it, to be changed."""
    return copy.deepcopy(Loader().load_service_model(service, "service-2"))


@pytest.mark.parametrize("service", PARAMETERS)
def test_the_installed_botocore_has_them_all(service):
    assert missing_parameters(service, ServiceModel(described(service), service)) == []


def test_what_an_older_botocore_lacks_is_named():
    older = described("s3")
    del older["shapes"]["ObjectIdentifier"]["members"]["ETag"]
    del older["shapes"]["PutObjectRequest"]["members"]["IfNoneMatch"]
    del older["operations"]["GetObjectTagging"]
    assert missing_parameters("s3", ServiceModel(older, "s3")) == [
        "DeleteObjects.Delete.Objects.ETag",
        "GetObjectTagging.Bucket",
        "GetObjectTagging.Key",
        "GetObjectTagging.VersionId",
        "PutObject.IfNoneMatch",
    ]


class Recorder:
    """A gate that keeps which parameters each operation is given, and fails where it is told to."""

    def __init__(self):
        self.seen = {}
        self.failing = {}

    def __call__(self, operation, given, call):
        self.seen.setdefault(operation, set()).update(given)
        if operation in self.failing:
            raise aws_error(self.failing.pop(operation), operation)
        return call()


def test_the_table_has_every_call_that_the_functions_make():
    """One that is missing there would be missed in Lambda alone, at its first use."""
    gate = Recorder()
    with small_limits(max_copy=700):
        world = World(gate=gate, max_copy=700)
        for name in ("large rejects", "object", "broken"):
            world.deliver(world.upload(BY_NAME[name].key, BY_NAME[name].body))
        gate.failing = {"complete_multipart_upload": "SlowDown", "copy_object": "SlowDown"}
        world.run_until_idle()
        event = json.dumps(world.upload("incoming/x.json", b"{}"))
        suspects = batch((event, 2), (event, 2))
        for record in suspects["Records"]:
            record["attributes"]["ApproximateFirstReceiveTimestamp"] = "0"
        world.processor().handle(suspects, Context(300))
        for name in ("csv", "lines"):
            world.upload(BY_NAME[name].key, BY_NAME[name].body)
            key, number = list(world.uploads)[-1]
            if name == "csv":  # it has no other tag than that of an operator
                world.s3.delete_object_tagging(Bucket=RAW, Key=key, VersionId=number)
            world.discard(key, number)
        world.s3.now += timedelta(days=1)
        world.queue.add("some other file")
        world.reconcile(discarded=True)
        odd = "processed/2024/01/15/a\x01.json"
        world.s3.put_object(Bucket=PROCESSED, Key=odd, Body=b"x")
        late = {"time": world.after(40).isoformat()}
        assert not world.archiver().handle(late, Context(5))["complete"]
        assert world.archiver().handle(late, Context())["complete"]
    named = {
        xform_name(operation): {path.split(".")[0] for path in paths}
        for operations in PARAMETERS.values()
        for operation, paths in operations.items()
    }
    assert gate.seen.keys() == named.keys()
    assert {name for name, seen in gate.seen.items() if not seen <= named[name]} == set()


@pytest.fixture
def older(monkeypatch):
    """Let the functions run with a botocore whose DeleteObjects has no ETag, and no cache."""
    load = Loader.load_service_model

    def load_older(self, service, kind, *arguments, **options):
        found = load(self, service, kind, *arguments, **options)
        if (service, kind) == ("s3", "service-2"):
            found = copy.deepcopy(found)
            del found["shapes"]["ObjectIdentifier"]["members"]["ETag"]
        return found

    monkeypatch.setattr(Loader, "load_service_model", load_older)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for field in (*fields(ProcessorEnvironment), *fields(ArchiverEnvironment)):
        value = "INFO" if field.name == "log_level" else VALUES[field.type]
        monkeypatch.setenv(field.name.upper(), value)
    caches = (clients.client, data_processor._processor, data_archiver._run)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("function", [data_processor, data_archiver])
def test_a_function_does_not_start_with_a_botocore_that_is_too_old(function):
    with pytest.raises(MisconfigurationError) as caught:
        function.handler({}, None)
    assert str(caught.value) == (
        f"botocore is {botocore.__version__}, without DeleteObjects.Delete.Objects.ETag; "
        f"allowed: {OLDEST_BOTOCORE} or later"
    )


def test_each_line_of_the_log_names_botocore(capsys):
    Telemetry("a-service", level="INFO", environment="test").logger.info("started")
    assert json.loads(capsys.readouterr().out)["botocore"] == botocore.__version__


def test_the_tests_run_with_the_oldest_botocore_too():
    locked = dict(re.findall(r"^(boto3|botocore)==(\S+)", LOCKED.read_text(), re.MULTILINE))
    assert locked == {"boto3": OLDEST_BOTOCORE, "botocore": OLDEST_BOTOCORE}
