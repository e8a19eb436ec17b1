import gzip
import json
import os
from typing import get_args

import pytest
from botocore import loaders
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader
from botocore.session import get_session

from handlers.aws import clients
from handlers.aws.service_models import Service, ServiceModels

SERVICES = get_args(Service)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "paginators-1"])
def test_a_service_is_described_as_botocore_reads_it(service, kind):
    own = ServiceModels().load_service_model(service, kind)
    assert json.dumps(own) == json.dumps(Loader().load_service_model(service, kind))  # order, too


@pytest.mark.parametrize("name", ["endpoints", "partitions", "sdk-default-configuration", "_retry"])
def test_what_all_services_share_is_as_botocore_reads_it(name):
    assert json.dumps(ServiceModels().load_data(name)) == json.dumps(Loader().load_data(name))


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_does_what_one_by_the_whole_of_botocore_does(service, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    own, whole = clients.client(service), get_session().create_client(service)
    clients.client.cache_clear()
    assert own.meta.endpoint_url == whole.meta.endpoint_url
    assert own.meta.method_to_api_mapping == whole.meta.method_to_api_mapping
    assert own.meta.service_model.metadata == whole.meta.service_model.metadata


@pytest.mark.parametrize(
    ("ending", "packed"), [(".json", bytes), (".json.gz", gzip.compress), (".json.new", bytes)]
)
def test_a_description_may_be_plain_packed_or_of_a_later_ending(
    tmp_path, monkeypatch, ending, packed
):
    monkeypatch.setitem(loaders._JSON_OPEN_METHODS, ".json.new", open)
    (tmp_path / f"some{ending}").write_bytes(packed('{"größe": [1, 2.5, null]}'.encode()))
    models = ServiceModels()
    models.search_paths.append(os.fspath(tmp_path))
    assert models.load_data("some") == {"größe": [1, 2.5, None]}
    with pytest.raises(DataNotFoundError):
        models.load_data("other")


def test_no_other_service_can_be_asked_for():
    with pytest.raises(UnknownServiceError):
        ServiceModels().load_service_model("dynamodb", "service-2")
