"""Archived outputs on moto, and the clock of their retrievals."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from local.account.strict import limits
from local.account.strict.s3_objects import retrievals
from ops.archive import restores
from tests.ops.conftest import DONE, OLD, Pipeline, commit

DAY = "2024/01/15"


class Archive:
    """The archive of a pipeline, and its restored outputs."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def add(
        self,
        name: str,
        body: bytes = b'{"a":1}\n',
        *,
        day: str = DAY,
        source: str = "incoming/sales/a.csv",
        version: str = "v1",
        storage_class: str = "STANDARD_IA",
        **more: Any,
    ) -> str:
        key = f"archive/{day}/{name}"
        told = {
            "ContentType": "application/x-ndjson",
            "Metadata": commit(source, version),
            "Tagging": urlencode({"team": "data"}),
            **more,
        }
        self.pipeline.put(key, body, OLD, StorageClass=storage_class, **told)
        return key

    def run(self, *words: str, code: int = 0, **more: Any) -> Any:
        result = self.pipeline.run("restore", *words, **more)
        assert result.exit_code == code, result.output
        return result

    def restored(self) -> list[str]:
        page = self.pipeline.s3.list_objects_v2(Bucket=DONE, Prefix="restored/")
        return [entry["Key"] for entry in page.get("Contents", [])]

    def stored(self, bucket: str, key: str) -> dict[str, Any]:
        s3 = self.pipeline.s3
        answer = s3.get_object(Bucket=bucket, Key=key)
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        return {
            "body": answer["Body"].read(),
            "type": answer["ContentType"],
            "metadata": answer["Metadata"],
            "tags": tags,
        }

    def header(self, key: str) -> str:
        return self.pipeline.s3.head_object(Bucket=OLD, Key=key).get("Restore", "")


@pytest.fixture
def archive(pipeline: Pipeline) -> Archive:
    return Archive(pipeline)


class Clock:
    """The time of the account, which a wait moves on instead of sleeping."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime.now(UTC).replace(tzinfo=None)  # as moto's
        self.slept: list[float] = []
        self.between: Callable[[], None] = lambda: None  # what happens while a wait sleeps
        monkeypatch.setattr(retrievals, "utcnow", lambda: self.now)
        monkeypatch.setattr(restores, "sleep", self._sleep)

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move(seconds=seconds)
        self.between()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Let retrievals take hours: an expedited one almost none, a bulk one two."""
    hours = {"Expedited": 0.05, "Standard": 1, "Bulk": 2}
    seconds = {tier: 3600 * number for tier, number in hours.items()}
    with patch.dict(limits.retrieval_seconds, seconds):
        yield Clock(monkeypatch)


def failing(
    monkeypatch: pytest.MonkeyPatch, operation: str, word: str, code: str, *, times: int = 99
) -> None:
    """Let AWS refuse calls of an operation about keys with a word in them."""
    original = BaseClient._make_api_call
    left = [code] * times

    def call(self: BaseClient, name: str, parameters: Any) -> Any:
        if name == operation and word in str(parameters) and left:
            raise ClientError({"Error": {"Code": left.pop(), "Message": "said by AWS"}}, name)
        return original(self, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
