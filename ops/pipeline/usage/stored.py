"""How many bytes a stack's buckets hold, by the price that they are billed at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ops.costs.storage import GLACIER_BYTES, GLACIER_INDEX_BYTES, IA_BYTES
from ops.pipeline.usage.metrics import Query, Series

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

# CloudWatch's storage types, as S3 bills them:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
_STANDARD: Final = ("StandardStorage", "GlacierS3ObjectOverhead", "GlacierStagingStorage")
_INFREQUENT: Final = ("StandardIAStorage", "StandardIASizeOverhead")
_GLACIER: Final = ("GlacierStorage", "GlacierObjectOverhead")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Billed bytes; those of noncurrent versions are part of the others, None if unknown."""

    standard_bytes: float
    infrequent_bytes: float
    glacier_bytes: float
    noncurrent_bytes: float | None


def queries(buckets: Sequence[str]) -> list[Query]:
    """Return the metrics that S3 writes of buckets once a day."""
    types = (*_STANDARD, *_INFREQUENT, *_GLACIER)
    return [_query(bucket, kind) for bucket in buckets for kind in types]


def measured(buckets: Sequence[str], series: Mapping[Query, Series]) -> Stored | None:
    """Return what CloudWatch says is stored, or None if S3 has written no metric yet."""
    if not any(series[query].values for query in queries(buckets)):
        return None

    def total(types: Sequence[str]) -> float:
        asked = [_query(bucket, kind) for bucket in buckets for kind in types]
        return sum(series[query].latest or 0 for query in asked)

    return Stored(
        standard_bytes=total(_STANDARD),
        infrequent_bytes=total(_INFREQUENT),
        glacier_bytes=total(_GLACIER),
        noncurrent_bytes=None,
    )


def counted(s3: "S3Client", buckets: Sequence[str]) -> Stored:
    """Return what is stored by listing every version: slow for many objects, but of this moment."""
    standard = infrequent = glacier = noncurrent = 0
    for size, storage_class, latest in _versions(s3, buckets):
        noncurrent += 0 if latest else size
        if storage_class == "STANDARD_IA":
            infrequent += max(size, IA_BYTES)
        elif storage_class == "GLACIER":
            glacier += size + GLACIER_BYTES
            standard += GLACIER_INDEX_BYTES
        else:
            standard += size
    return Stored(
        standard_bytes=standard,
        infrequent_bytes=infrequent,
        glacier_bytes=glacier,
        noncurrent_bytes=noncurrent,
    )


def _versions(s3: "S3Client", buckets: Sequence[str]) -> Iterator[tuple[int, str, bool]]:
    for bucket in buckets:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in page.get("Versions", []):
                storage_class: str = one.get("StorageClass", "STANDARD")
                yield one.get("Size", 0), storage_class, one.get("IsLatest", True)


def _query(bucket: str, kind: str) -> Query:
    return Query(
        namespace="AWS/S3",
        name="BucketSizeBytes",
        dimensions=(("StorageType", kind), ("BucketName", bucket)),
        statistic="Average",
    )
