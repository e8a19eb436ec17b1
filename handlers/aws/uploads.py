"""Writes a new object piece by piece, in memory that does not grow, and checks what S3 stored."""

import base64
import math
import zlib
from typing import Any, Final

from handlers.aws.errors import translated
from handlers.aws.failures import GoneError, TransientError
from handlers.aws.object_info import Location
from handlers.aws.objects import Storage, encoded_checksum

# Above S3's least of 5 MB a part; 10,000 of them are far above any object that is written so.
PART_BYTES: Final = 8 * 1024**2


def requests(size: int) -> int:
    """Return how many requests store an object of so many bytes: its parts, begin and complete."""
    return 1 if size < PART_BYTES else math.ceil(size / PART_BYTES) + 2


class Upload:
    """An object that appears whole, and only where its key is free."""

    def __init__(
        self, storage: Storage, location: Location, *, content_type: str, storage_class: str
    ) -> None:
        self.location = location
        self.size = 0
        self._storage = storage
        self._described = {"ContentType": content_type, "StorageClass": storage_class}
        self._held = bytearray()
        self._crc = 0
        self._id = ""
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        """Add bytes; a part that is full is sent. Raises TransientError."""
        self.size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        self._held += data
        while len(self._held) >= PART_BYTES:
            self._send(bytes(self._held[:PART_BYTES]))
            del self._held[:PART_BYTES]

    def commit(self) -> None:
        """Let the object appear. Raises TakenError if its key is not free, TransientError."""
        if not self._id:
            body = bytes(self._held)
            with translated(f"put {self.location}"):
                self._storage.s3.put_object(
                    **self.location.parameters(),
                    **self._described,
                    Body=body,
                    ChecksumCRC32=encoded_checksum(self._crc),
                    IfNoneMatch="*",
                )
            self._storage.add_written(len(body))
            return
        if self._held:
            self._send(bytes(self._held))
        with translated(f"complete {self.location}"):
            self._storage.s3.complete_multipart_upload(
                **self.location.parameters(),
                UploadId=self._id,
                MultipartUpload={"Parts": self._parts},
                IfNoneMatch="*",
            )

    def check(self) -> None:
        """Raise TransientError unless S3 holds as many bytes as were written, of their checksum.

        The checksum of a multipart upload is that of its parts' checksums, with their number, or
        that of the whole, by a type that newer clients can choose:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
        """
        with translated(f"head {self.location}"):
            head = self._storage.s3.head_object(
                **self.location.parameters(), ChecksumMode="ENABLED"
            )
        size, checksum = head["ContentLength"], head.get("ChecksumCRC32")
        if size != self.size or checksum not in self._checksums():
            msg = f"{self.location} is not as it was written: {size} bytes of checksum {checksum}, "
            msg += f"not {self.size} of {' or '.join(self._checksums())}"
            raise TransientError(msg)

    def abort(self) -> None:
        """Drop the parts that were sent; what cannot be aborted the bucket's lifecycle aborts."""
        if not self._id:
            return
        try:
            with translated("abort"):
                self._storage.s3.abort_multipart_upload(
                    **self.location.parameters(), UploadId=self._id
                )
        except (TransientError, GoneError):
            return

    def _send(self, body: bytes) -> None:
        named = self.location.parameters()
        if not self._id:
            with translated(f"begin {self.location}"):
                self._id = self._storage.s3.create_multipart_upload(
                    **named, **self._described, ChecksumAlgorithm="CRC32"
                )["UploadId"]
        number, checksum = len(self._parts) + 1, encoded_checksum(zlib.crc32(body))
        with translated(f"part {number} of {self.location}"):
            etag = self._storage.s3.upload_part(
                **named, UploadId=self._id, PartNumber=number, Body=body, ChecksumCRC32=checksum
            )["ETag"]
        self._parts.append({"PartNumber": number, "ETag": etag, "ChecksumCRC32": checksum})
        self._storage.add_written(len(body))

    def _checksums(self) -> list[str]:
        of_parts = b"".join(base64.b64decode(part["ChecksumCRC32"]) for part in self._parts)
        whole, composite = encoded_checksum(self._crc), encoded_checksum(zlib.crc32(of_parts))
        parts = len(self._parts)
        return [f"{composite}-{parts}", composite, whole] if parts else [whole]
