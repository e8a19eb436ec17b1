"""What bundling may cost, where that can be told without a clock: calls, memory, even shares."""

import base64
import tracemalloc
import zlib
from collections import Counter
from io import BytesIO

import pytest

from handlers import keys
from handlers.archive import bundling
from handlers.archive.retention import Archiver, Chain
from handlers.aws.objects import Storage
from handlers.bundles.entries import MAX_ENTRIES
from handlers.environment import ArchiverEnvironment
from handlers.invocation.deadline import Deadline
from tests.handlers.test_budgets import (
    ARCHIVER,
    COMMON,
    NOW,
    OLD,
    SILENT,
    Key,
    SimulatedBuckets,
)
from tests.proof.memory import aws_error

BODY = b'{"id":1,"name":"one"}\n'
HEAD = {
    "ContentLength": len(BODY),
    "LastModified": OLD,
    "ContentType": "application/x-ndjson",
    "Metadata": {keys.SOURCE_VERSION: "v"},
}


class SimulatedDay(SimulatedBuckets):
    """Buckets of small outputs, all of one day, whose listing stays as it is; no byte is held."""

    def __init__(self, objects, modified=OLD, key=str):
        super().__init__(objects, modified, key)
        self.read, self.gone = bytearray(objects), bytearray(objects)
        self._stored, self._heads = {}, {}
        self._parts = []

    def list_objects_v2(self, **request):
        if request["Bucket"] == "archive":
            self.calls["list"] += 1
            return {"IsTruncated": False}
        page = super().list_objects_v2(**request)
        for entry in page["Contents"]:
            entry["Size"] = len(BODY)
        return page

    def get_object(self, *, Bucket, Key, IfMatch=None):  # noqa: N803 - boto3's names
        self.calls["get"] += 1
        if Bucket == "archive":
            stored = self._stored[Key]
            return {"ETag": '"e"', "LastModified": OLD, "Body": BytesIO(stored)}
        self.read[int(Key[-8:])] += 1
        return HEAD | {"ETag": IfMatch, "Body": BytesIO(BODY)}

    def put_object(self, *, Key, Body, ChecksumCRC32, **_):  # noqa: N803
        self.calls["put"] += 1
        if Key in self._stored:
            raise aws_error("PreconditionFailed", "PutObject")
        self._stored[Key] = Body if Key.startswith(keys.BUNDLE_LAYOUTS) else None
        self._heads[Key] = {"ContentLength": len(Body), "ChecksumCRC32": ChecksumCRC32}

    def create_multipart_upload(self, **_):
        self.calls["create"] += 1
        self._parts = []
        return {"UploadId": "u"}

    def upload_part(self, *, Body, ChecksumCRC32, **_):  # noqa: N803
        self.calls["part"] += 1
        self._parts.append((len(Body), ChecksumCRC32))
        return {"ETag": '"p"'}

    def complete_multipart_upload(self, *, Key, **_):  # noqa: N803
        self.calls["complete"] += 1
        checksums = b"".join(base64.b64decode(crc) for _, crc in self._parts)
        whole = base64.b64encode(zlib.crc32(checksums).to_bytes(4, "big")).decode()
        self._heads[Key] = {
            "ContentLength": sum(size for size, _ in self._parts),
            "ChecksumCRC32": f"{whole}-{len(self._parts)}",
        }

    def head_object(self, *, Key, **_):  # noqa: N803
        self.calls["head"] += 1
        return self._heads[Key]

    def delete_objects(self, **request):
        for one in request["Delete"]["Objects"]:
            self.gone[int(one["Key"][-8:])] += 1
        return super().delete_objects(**request)


def archive(s3, *, bundles=True, shard=0, chains=1):
    environment = ArchiverEnvironment(**COMMON, **ARCHIVER, archive_bundles=bundles)
    archiver = Archiver(Storage(s3), environment, (), SILENT)
    return archiver.run(NOW, Deadline(lambda: 900), chain=Chain(shard=shard, count=chains))


def test_an_output_in_a_bundle_takes_hardly_more_than_one_call():
    s3 = SimulatedDay(5_000)
    summary = archive(s3)
    assert (summary.counts.bundled, summary.counts.bundles, summary.complete) == (5_000, 1, True)
    assert set(s3.gone) == set(s3.read) == {1}
    assert s3.calls.total() <= 1.01 * 5_000, s3.calls


def peak_bytes(objects):
    tracemalloc.start()
    try:
        assert archive(SimulatedDay(objects)).counts.bundled == objects
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_more_bundles_need_no_more_memory(monkeypatch):
    monkeypatch.setattr(bundling, "MAX_ENTRIES", 500)
    peak_bytes(500)  # what is made once
    # Held, 3,000 outputs take 2 MB; one more compressor at work takes a quarter.
    assert peak_bytes(5_000) < peak_bytes(2_000) + 1_000_000


@pytest.mark.bombs
@pytest.mark.timeout(1_800)
def test_of_a_million_due_outputs_no_more_are_held_than_a_bundle_has(monkeypatch):
    monkeypatch.setattr(Key, "most", Key.alive)
    s3 = SimulatedDay(1_000_000, key=Key)
    summary = archive(s3)
    assert (summary.counts.bundled, summary.counts.bundles) == (1_000_000, 10)
    assert set(s3.gone) == {1}
    assert Key.most <= MAX_ENTRIES + 3_000
    assert s3.calls.total() <= 1.01 * 1_000_000, s3.calls


# ---------------------------------------------------------------- chains side by side


@pytest.mark.parametrize(("chains", "bundles"), [(1, True), (4, True), (16, True), (16, False)])
def test_chains_archive_each_object_once_between_them(chains, bundles):
    s3 = SimulatedDay(2_000)
    if not bundles:
        s3.list_objects_v2 = lambda **request: SimulatedBuckets.list_objects_v2(s3, **request)
    moved = [
        archive(s3, bundles=bundles, shard=shard, chains=chains).counts.moved
        for shard in range(chains)
    ]
    assert sum(moved) == 2_000
    assert set(s3.gone) == {1}
    assert min(moved) >= 0.85 * 2_000 / chains


NAMES = {
    "numbers": lambda at: f"{at:08d}.json",
    "times": lambda at: f"app-{at // 3600:02d}-{at // 60 % 60:02d}-{at % 60:02d}.json.gz",
    "folders": lambda at: f"device={at % 977}/{at}.json",
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("chains", [4, 16])
def test_shards_are_even_whatever_the_names(kind, chains):
    names = (f"processed/2024/01/15/{NAMES[kind](at)}" for at in range(80_000))
    counts = Counter(keys.shard_of(name, chains) for name in names)
    assert min(counts[shard] for shard in range(chains)) >= 0.95 * 80_000 / chains
    assert max(counts.values()) <= 1.05 * 80_000 / chains
