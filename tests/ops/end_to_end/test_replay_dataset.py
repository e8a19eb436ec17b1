"""A dataset changes, and `replay --dataset` makes the outputs of before anew, as a user runs it."""

import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from handlers.environment import DATASETS_FILE
from handlers.transform.datasets.dataset import Dataset
from local.pipeline import LocalPipeline
from ops.commands.app import app

WAIT_SECONDS = 90
ROWS = [f"AB-{number},{number}.50,paid,4111" for number in range(11)]
ORDERS = "order,total,status,card_number\n" + "\n".join([*ROWS, "AB-99,1,lost,4111"]) + "\n"


class Deployed:
    """A local pipeline whose datasets can be deployed anew while it runs."""

    def __init__(self, running: LocalPipeline, folder: Path) -> None:
        self.outputs: dict[str, Any] = dict(running.outputs)
        self.declared = json.loads(self.outputs["datasets"])
        self._file = folder / "outputs.json"
        (self._processor,) = (
            one for name, one in running._functions.items() if "data-processor" in name
        )
        self._write()

    def declare(self, **changed: Any) -> str:
        """Deploy dataset `orders` with something changed, as an update does: new processes."""
        self.declared["orders"] |= changed
        (self._processor._sandbox.task / DATASETS_FILE).write_text(json.dumps(self.declared))
        with self._processor._lock:
            idle, self._processor._idle = self._processor._idle, []
        for instance in idle:
            instance.close()
        self._write()
        return Dataset.read("orders", self.declared["orders"]).version

    def _write(self) -> None:
        self._file.write_text(json.dumps({**self.outputs, "datasets": json.dumps(self.declared)}))

    def s3(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.outputs["endpoint_url"],
            region_name=self.outputs["region"],
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def ops(self, *words: str) -> Any:
        return CliRunner().invoke(app, [*words, "--outputs", str(self._file)])

    def counts(self, *words: str) -> dict[str, Any]:
        result = self.ops("replay", "--dataset", "orders", "--yes", "--json", *words)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def versions(self, prefix: str) -> dict[str, list[dict[str, Any]]]:
        """Return body and metadata of each version of each key, newest first."""
        s3, bucket = self.s3(), self.outputs["processed_bucket_name"]
        found: dict[str, list[dict[str, Any]]] = {}
        page = s3.list_object_versions(Bucket=bucket, Prefix=prefix)
        for one in page.get("Versions", []):
            got = s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
            read = {"body": got["Body"].read(), "metadata": got["Metadata"]}
            found.setdefault(one["Key"], []).append(read)
        return found


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with LocalPipeline(config={"batchWindowSeconds": "0"}) as running:
        yield Deployed(running, tmp_path_factory.mktemp("deployed"))


def await_that(holds: Any) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not holds() and time.monotonic() < end:
        time.sleep(0.2)
    assert holds()


def test_what_a_changed_dataset_does_to_completed_files(deployed: Deployed) -> None:
    Path("orders.csv").write_text(ORDERS)
    Path("more.json").write_text('{"order":"CD-1","total":2}\n')
    sent = deployed.ops(
        "upload", "orders.csv", "more.json", "--prefix", "examples/orders", "--wait"
    )
    assert sent.exit_code == 0, sent.output
    assert (counted := deployed.counts())["current"] == 2
    assert (counted["due"], counted["sent"]) == (0, 0)
    before = deployed.versions("processed/")

    # A status more, and one field less.
    schema = copy.deepcopy(deployed.declared["orders"]["schema"])
    schema["properties"]["status"]["enum"].append("lost")
    version = deployed.declare(schema=schema)
    assert deployed.counts("--dry-run")["due"] == 2
    assert deployed.counts()["sent"] == 2
    await_that(lambda: deployed.counts("--dry-run")["current"] == 2)
    outputs = deployed.versions("processed/")
    assert outputs.keys() == before.keys()
    for key, (new, old) in outputs.items():
        assert [old] == before[key]
        assert new["metadata"]["dataset-version"] == version
        assert b"4111" not in new["body"]
    (orders,) = (new for key, (new, _) in outputs.items() if key.endswith("orders.json"))
    assert orders["metadata"]["records-out"] == "12"
    assert b'{"order":"AB-99","total":1,"status":"lost",' in orders["body"]
    (rejects,) = deployed.versions("rejected/").values()
    assert [one["body"].count(b"\n") for one in rejects] == [0, 1]
    assert deployed.counts()["sent"] == 0
    shown = deployed.ops("show", "incoming/examples/orders/orders.csv", "--json")
    assert json.loads(shown.stdout)["outputs"][0]["dataset_version"] == version

    # Now none may be bad: the file fails, and what it became before stays.
    schema["properties"]["status"]["enum"].remove("lost")
    deployed.declare(schema=schema, maxRejectedPercent=0)
    assert deployed.counts()["sent"] == 2
    await_that(lambda: json.loads(deployed.ops("failures", "--json").stdout))
    await_that(lambda: deployed.counts("--dry-run")["current"] == 1)
    (letter,) = json.loads(deployed.ops("failures", "--json").stdout)
    assert letter["key"] == "completed/examples/orders/orders.csv"
    assert "1 of 12 records are bad" in letter["reason"]
    assert deployed.counts("--dry-run")["due"] == 1
    # The mistake is mended, and its dead letter is sent back.
    mended = deployed.declare(maxRejectedPercent=10)
    assert deployed.ops("redrive", "--all", "--yes").exit_code == 0
    await_that(lambda: deployed.counts("--dry-run")["current"] == 1)
    (newest,) = (
        new["metadata"]
        for key, (new, *_) in deployed.versions("processed/").items()
        if key.endswith("orders.json")
    )
    assert (newest["dataset-version"], newest["records-rejected"]) == (mended, "1")
