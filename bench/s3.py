"""An S3 client in this process, as slow as it is told to be.

It has the calls of boto3's client that the handlers make, one version a key, bodies in files of a
folder so that they are nobody's memory. Latency is slept once a call; bandwidth is a link that all
reads, or all writes, share.
"""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from botocore.exceptions import ClientError

from bench.objects import WRITTEN, Body, Link, Stored

_PAGE: Final = 1_000
_PART_BYTES: Final = 1024 * 1024  # as handlers.aws.clients sends them


class FakeS3:
    """The client. `calls` counts by operation; `most_at_once` is how many were ever under way."""

    def __init__(
        self, folder: Path, *, latency: float = 0, download: float = 0, upload: float = 0
    ) -> None:
        """`latency` in seconds a call, `download` and `upload` in bytes a second."""
        self.calls = Counter[str]()
        self.most_at_once = 0
        self.down, self.up = Link(download), Link(upload)
        self.meta = SimpleNamespace(region_name="eu-central-1")
        self.exceptions = SimpleNamespace(NoSuchKey=ClientError)
        self._folder = folder
        self._latency = latency
        self._objects: dict[tuple[str, str], Stored] = {}
        self._uploads: dict[str, dict[int, tuple[Path, ...]]] = {}
        self._names = count()
        self._under_way = 0
        self._lock = threading.Lock()

    def add_file(self, bucket: str, key: str, path: Path) -> None:
        """Serve a file that is there; no call."""
        self._objects[bucket, key] = Stored(
            paths=(path,), etag=f'"{path.name}"', size=path.stat().st_size
        )

    def file(self, bucket: str, key: str) -> Path:
        """Return a file that holds an object; no call."""
        paths = self._objects[bucket, key].paths
        if len(paths) == 1:
            return paths[0]
        joined = self._folder / f"joined-{next(self._names)}"
        with joined.open("wb") as file:
            for path in paths:
                file.write(path.read_bytes())
        return joined

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return what a bucket holds under a prefix, in order; no call."""
        return sorted(
            key for held, key in list(self._objects) if held == bucket and key.startswith(prefix)
        )

    @contextmanager
    def _call(self, operation: str) -> Generator[None]:
        with self._lock:
            self.calls[operation] += 1
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            if self._latency:
                time.sleep(self._latency)
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _find(self, operation: str, request: dict[str, Any]) -> Stored:
        found = self._objects.get((request["Bucket"], request["Key"]))
        if not found:
            raise _error("NoSuchKey", operation)
        return found

    def _write(self, body: bytes) -> Path:
        path = self._folder / f"object-{next(self._names)}"
        for at in range(0, len(body), _PART_BYTES):
            self.up.send(min(_PART_BYTES, len(body) - at))
        path.write_bytes(body)
        return path

    def _store(self, request: dict[str, Any], paths: tuple[Path, ...]) -> str:
        where = request["Bucket"], request["Key"]
        etag = f'"{hashlib.sha256("".join(path.name for path in paths).encode()).hexdigest()}"'
        with self._lock:
            if request.get("IfNoneMatch") and where in self._objects:
                raise _error("PreconditionFailed", "PutObject")
            self._objects[where] = Stored(
                paths=paths,
                etag=etag,
                size=sum(path.stat().st_size for path in paths),
                metadata=request.get("Metadata", {}),
            )
        return etag

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Return an object, or the range of it that is asked for."""
        with self._call("GetObject"):
            found = self._find("GetObject", request)
            start, end = 0, found.size
            if asked := request.get("Range"):
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, end = int(first), min(int(last) + 1, found.size) if last else found.size
            body = Body(found.paths[0], start, end - start, self.down)
            return found.described() | {"Body": body, "ContentLength": end - start}

    def head_object(self, **request: Any) -> dict[str, Any]:
        """Return an object's head."""
        with self._call("HeadObject"):
            return self._find("HeadObject", request).described()

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Store an object."""
        with self._call("PutObject"):
            return {"ETag": self._store(request, (self._write(request["Body"]),))}

    def copy_object(self, **request: Any) -> dict[str, Any]:
        """Copy an object; the bytes stay where they are."""
        with self._call("CopyObject"):
            found = self._find("CopyObject", request["CopySource"])
            self._objects[request["Bucket"], request["Key"]] = found
            return {"CopyObjectResult": {"ETag": found.etag}}

    def delete_object(self, **request: Any) -> dict[str, Any]:
        """Delete an object, if it is there."""
        with self._call("DeleteObject"):
            self._objects.pop((request["Bucket"], request["Key"]), None)
            return {}

    def delete_objects(self, **request: Any) -> dict[str, Any]:
        """Delete objects."""
        with self._call("DeleteObjects"):
            for entry in request["Delete"]["Objects"]:
                self._objects.pop((request["Bucket"], entry["Key"]), None)
            return {}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        """List a page of a bucket."""
        with self._call("ListObjectsV2"):
            bucket = request["Bucket"]
            after = request.get("ContinuationToken") or request.get("StartAfter", "")
            names = [key for key in self.keys(bucket, request["Prefix"]) if key > after]
            page = names[:_PAGE]
            entries = [
                {"Key": key, "ETag": found.etag, "Size": found.size, "LastModified": WRITTEN}
                for key in page
                if (found := self._objects.get((bucket, key)))
            ]
            more = len(names) > len(page)
            answer = {"Contents": entries, "IsTruncated": more, "KeyCount": len(entries)}
            return answer | ({"NextContinuationToken": page[-1]} if more else {})

    def create_multipart_upload(self, **request: Any) -> dict[str, Any]:
        """Begin an upload in parts."""
        with self._call("CreateMultipartUpload"):
            upload = f"upload-{next(self._names)}"
            self._uploads[upload] = {}
            return {"UploadId": upload, "Key": request["Key"]}

    def upload_part(self, **request: Any) -> dict[str, Any]:
        """Store a part."""
        with self._call("UploadPart"):
            path = self._write(request["Body"])
            self._uploads[request["UploadId"]][request["PartNumber"]] = (path,)
            return {"ETag": f'"{path.name}"'}

    def upload_part_copy(self, **request: Any) -> dict[str, Any]:
        """Make a part of an object."""
        with self._call("UploadPartCopy"):
            found = self._find("UploadPartCopy", request["CopySource"])
            self._uploads[request["UploadId"]][request["PartNumber"]] = found.paths
            return {"CopyPartResult": {"ETag": found.etag}}

    def complete_multipart_upload(self, **request: Any) -> dict[str, Any]:
        """Store the parts end to end."""
        with self._call("CompleteMultipartUpload"):
            parts = self._uploads.pop(request["UploadId"])
            paths = tuple(chain.from_iterable(parts[number] for number in sorted(parts)))
            return {"ETag": self._store(request, paths)}

    def abort_multipart_upload(self, **request: Any) -> dict[str, Any]:
        """Forget the parts."""
        with self._call("AbortMultipartUpload"):
            self._uploads.pop(request["UploadId"], None)
            return {}


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
