import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from handlers import construction
from handlers.aws import clients
from handlers.aws.messages import Messenger
from handlers.aws.objects import Storage
from handlers.construction import construct, read_datasets
from handlers.environment import DATASETS_FILE, ArchiverEnvironment, MisconfigurationError
from handlers.transform.datasets.dataset import Dataset

VARIABLES = {
    "ENVIRONMENT": "test",
    "LOG_LEVEL": "WARNING",
    "PROCESSED_BUCKET": "processed",
    "ARCHIVE_BUCKET": "archive",
    "RETENTION_DAYS": "30",
    "ARCHIVE_DAYS": "90",
    "ARCHIVE_BUNDLES": "false",
    "BUNDLE_BELOW_KB": "1024",
    "ARCHIVE_CONCURRENCY": "1",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    yield
    clients.client.cache_clear()


def test_a_function_is_made_of_its_variables_clients_telemetry_and_clock():
    environment, stored, messenger, telemetry, now = construct(
        lambda *parts: parts, ArchiverEnvironment, "constructed"
    )
    assert environment == ArchiverEnvironment.read(VARIABLES)
    assert isinstance(stored, Storage)
    assert isinstance(messenger, Messenger)
    assert (telemetry.logger.service, telemetry.logger.log_level) == ("constructed", 30)
    assert now().tzinfo is UTC
    assert abs(now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_nothing_is_made_of_variables_that_are_missing(monkeypatch):
    for field in fields(ArchiverEnvironment):
        monkeypatch.delenv(field.name.upper())
    monkeypatch.setattr(construction, "client", pytest.fail)
    with pytest.raises(MisconfigurationError, match="RETENTION_DAYS is not set"):
        construct(pytest.fail, ArchiverEnvironment, "constructed")


DECLARED = {"orders": {"prefix": "shop/", "schema": {"type": "object", "properties": {}}}}


def test_the_datasets_are_those_of_the_archive(tmp_path):
    (tmp_path / DATASETS_FILE).write_text(json.dumps(DECLARED))
    found = read_datasets(tmp_path).find("incoming/shop/a.csv")
    assert found == Dataset.read("orders", DECLARED["orders"])


def test_an_archive_without_the_file_has_no_dataset(tmp_path):
    assert read_datasets(tmp_path).find("incoming/shop/a.csv") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"a": 1}', '{"a": {}}', '{"a": {"prefix": "x/"}}']
)
def test_a_file_that_cannot_be_read_stops_the_function(tmp_path, text):
    """Without its datasets it would let bad records pass."""
    (tmp_path / DATASETS_FILE).write_text(text)
    with pytest.raises(
        MisconfigurationError, match=r"datasets\.json of the archive cannot be read"
    ):
        read_datasets(tmp_path)
    (tmp_path / DATASETS_FILE).unlink()
    (tmp_path / DATASETS_FILE).mkdir()
    with pytest.raises(MisconfigurationError, match="cannot be read"):
        read_datasets(tmp_path)
