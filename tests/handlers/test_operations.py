import copy
import json
import re
from dataclasses import fields
from pathlib import Path

import boto3
import botocore
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from handlers import data_archiver, data_processor, storage
from handlers.environment import (
    ArchiverEnvironment,
    MisconfigurationError,
    ProcessorEnvironment,
)
from handlers.operations import OLDEST_BOTOCORE, PARAMETERS, missing_parameters
from handlers.telemetry import Telemetry

LOCKED = Path(__file__).parents[1] / "oldest" / "requirements.txt"
VALUES = {str: "text", str | None: "text", int: "1", float: "10", bool: "true"}


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
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for field in (*fields(ProcessorEnvironment), *fields(ArchiverEnvironment)):
        value = "INFO" if field.name == "log_level" else VALUES[field.type]
        monkeypatch.setenv(field.name.upper(), value)
    caches = (storage.client, data_processor._processor, data_archiver._run)
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
