"""Small outputs archived one by one, in bundles, and as tar files: speed, CPU, calls and bytes.

The tar files are made as awslabs' amazon-s3-tar-tool makes them of small objects (mem_concat.go): a
GET each, a tar in memory with PAX headers, parts with SHA-256. It reads a part's objects one after
another; here all threads read, which is faster. It checks and deletes nothing, and has no index.
"""

import base64
import hashlib
import io
import random
import statistics
import tarfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson

from bench.archiving import LATENCY, SimulatedBuckets
from bench.cleaning import METADATA
from bench.invocations import ARCHIVE, NOW, PROCESSED, archiver
from bench.measurement import measured, span
from handlers import keys
from handlers.archive.retention import Archiver
from handlers.aws.objects import Storage
from handlers.invocation.deadline import Deadline

ONE_BY_ONE: Final = "one by one"
BUNDLES: Final = "bundles"
TAR: Final = "tar, as s3tar"
WAYS: Final = (ONE_BY_ONE, BUNDLES, TAR)
CALLS_GOAL: Final = 1.01
_OBJECTS: Final = 3_000
_CPU_OBJECTS: Final = 20_000
_THREADS: Final = 32  # the archiver's
_PART_BYTES: Final = 8 * 1024**2
_BODIES: Final = 1_000  # different ones; they take turns


@dataclass(frozen=True, kw_only=True)
class Way:
    """Medians of one way; the bytes are those that the archive holds for an output of 1 KB."""

    name: str
    objects_a_second: float
    cpu_ms: float
    calls_an_object: float
    bytes_an_object: float
    peak_mb: float


class SimulatedDay(SimulatedBuckets):
    """Buckets of small outputs that can be read; what is stored is measured, and thrown away."""

    def __init__(self, objects: int, latency: float) -> None:
        super().__init__(objects, latency)
        self.stored_bytes = 0
        self._bodies = [_body(number) for number in range(_BODIES)]
        self._heads: dict[str, dict[str, Any]] = {}
        self._parts: list[tuple[int, str]] = []

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        """List the outputs; nothing is in the archive."""
        if request["Bucket"] == ARCHIVE:
            self._call("ListObjectsV2")
            return {"IsTruncated": False}
        return super().list_objects_v2(**request)

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Return an output."""
        self._call("GetObject")
        body = self._bodies[int(request["Key"][-13:-5]) % _BODIES]
        return {
            "Body": io.BytesIO(body),
            "ContentLength": len(body),
            "ETag": request.get("IfMatch", '"e"'),
            "LastModified": NOW,
            "ContentType": "application/x-ndjson",
            "Metadata": {
                keys.SOURCE_KEY: request["Key"],
                keys.SOURCE_VERSION: hashlib.md5(request["Key"].encode()).hexdigest(),  # noqa: S324
            },
        }

    def put_object(self, **request: Any) -> None:
        """Store an object."""
        self._call("PutObject")
        self._store(request["Key"], len(request["Body"]), request.get("ChecksumCRC32", ""))

    def create_multipart_upload(self, **_: Any) -> dict[str, Any]:
        """Begin an upload in parts; there is one at a time."""
        self._call("CreateMultipartUpload")
        self._parts = []
        return {"UploadId": "u"}

    def upload_part(self, **request: Any) -> dict[str, Any]:
        """Take a part."""
        self._call("UploadPart")
        self._parts.append((len(request["Body"]), request.get("ChecksumCRC32", "")))
        return {"ETag": '"p"'}

    def complete_multipart_upload(self, **request: Any) -> None:
        """Store the parts."""
        self._call("CompleteMultipartUpload")
        crc = zlib.crc32(b"".join(base64.b64decode(checksum) for _, checksum in self._parts))
        checksum = f"{base64.b64encode(crc.to_bytes(4, 'big')).decode()}-{len(self._parts)}"
        self._store(request["Key"], sum(size for size, _ in self._parts), checksum)

    def head_object(self, **request: Any) -> dict[str, Any]:
        """Return the head of what is stored."""
        self._call("HeadObject")
        return self._heads[request["Key"]]

    def _store(self, key: str, size: int, checksum: str) -> None:
        self._heads[key] = {"ContentLength": size, "ChecksumCRC32": checksum}
        self.stored_bytes += size


def _body(number: int) -> bytes:
    """Return an output of some 1 KB: three orders."""
    chosen = random.Random(number)
    lines = [
        orjson.dumps(
            {
                "order_id": number * 3 + line,
                "customer": f"customer {chosen.randrange(100_000)}",
                "city": chosen.choice(("Berlin", "Zürich", "Graz", "Lyon", "Oslo")),
                "total": round(chosen.random() * 500, 2),
                "items": [
                    {"sku": f"{chosen.randrange(10**8):08d}", "quantity": chosen.randrange(1, 9)}
                    for _ in range(4)
                ],
                "_metadata": METADATA,
            }
        )
        for line in range(3)
    ]
    return b"\n".join(lines) + b"\n"


def compare(rounds: int, tell: Callable[[str], None]) -> list[Way]:
    """Measure each way in turn, round by round: at 30 ms a call, and the CPU without."""
    fast: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    cheap: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS:
            tell(f"round {number + 1} of {rounds}: archiving small outputs, {way}")
            fast[way].append(measured(archive, way=way, objects=_OBJECTS, latency=LATENCY))
            cheap[way].append(measured(archive, way=way, objects=_CPU_OBJECTS, latency=0))

    def median(runs: list[dict[str, Any]], name: str) -> float:
        return statistics.median(run[name] for run in runs)

    return [
        Way(
            name=way,
            objects_a_second=_OBJECTS / median(fast[way], "wall"),
            cpu_ms=1000 * median(cheap[way], "cpu") / _CPU_OBJECTS,
            calls_an_object=median(cheap[way], "calls") / _CPU_OBJECTS,
            bytes_an_object=median(cheap[way], "stored") / _CPU_OBJECTS,
            peak_mb=median(cheap[way], "peak_mb"),
        )
        for way in WAYS
    ]


def archive(way: str, objects: int, latency: float) -> dict[str, Any]:
    """Archive so many outputs in one way."""
    s3 = SimulatedBuckets(objects, latency) if way == ONE_BY_ONE else SimulatedDay(objects, latency)
    ready = archiver(s3, bundles=way == BUNDLES)
    with span() as taken:
        moved = _tar(s3) if way == TAR else _run(ready)
    if moved != objects:
        msg = f"{moved} of {objects} archived"
        raise RuntimeError(msg)
    copied = sum(len(_body(number % _BODIES)) for number in range(objects))
    stored = s3.stored_bytes if isinstance(s3, SimulatedDay) else copied
    return {"wall": taken.wall, "cpu": taken.cpu, "calls": s3.calls.total(), "stored": stored}


def _run(ready: Archiver) -> int:
    return ready.run(NOW, Deadline(lambda: 10_000.0)).counts.moved


def _tar(s3: Any) -> int:
    """Put all outputs into one tar file, part by part; return how many there are."""
    held, parts, count = io.BytesIO(), list[dict[str, Any]](), 0
    where = {"Bucket": ARCHIVE, "Key": "all.tar"}
    upload = s3.create_multipart_upload(**where, ChecksumAlgorithm="SHA256")["UploadId"]

    def send() -> None:
        body = held.getvalue()
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        number = len(parts) + 1
        etag = s3.upload_part(
            **where, UploadId=upload, PartNumber=number, Body=body, ChecksumSHA256=checksum
        )["ETag"]
        parts.append({"PartNumber": number, "ETag": etag, "ChecksumSHA256": checksum})
        held.seek(0)
        held.truncate()

    with ThreadPoolExecutor(_THREADS) as pool:
        for page in Storage(s3).list_pages(PROCESSED, keys.PROCESSED):
            names = [entry.location.key for entry in page]
            for name, body in zip(names, pool.map(partial(_get, s3), names), strict=True):
                held.writelines(_tarred(name, body))
                count += 1
                if held.tell() >= _PART_BYTES:
                    send()
    held.write(bytes(2 * tarfile.BLOCKSIZE))
    send()
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    return count


def _get(s3: Any, key: str) -> bytes:
    return s3.get_object(Bucket=PROCESSED, Key=key)["Body"].read()


def _tarred(name: str, body: bytes) -> Iterator[bytes]:
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime = len(body), 0o600, int(NOW.timestamp())
    yield header.tobuf(tarfile.PAX_FORMAT)
    yield body
    yield bytes(-len(body) % tarfile.BLOCKSIZE)
