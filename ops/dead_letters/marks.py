"""Mark the versions of dead letters as discarded, by a tag that `reconcile` looks for."""

from typing import TYPE_CHECKING, Final

from handlers import keys
from ops import aws
from ops.aws import Account
from ops.dead_letters.messages import DeadLetter

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import TagTypeDef

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
_MAX_TAGS: Final = 10
# There is no such version: of these, MethodNotAllowed stands for a delete marker, InvalidArgument
# for a text that is no version id. Anyone may send a message that names one.
_ABSENT: Final = frozenset(
    {
        "NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405", "InvalidArgument",
        "KeyTooLongError", "InvalidURI",
    }
)  # fmt: skip


def versions_of(account: Account, dead_letter: DeadLetter) -> list[tuple[str, str]]:
    """Return keys and versions of a dead letter's files in `incoming/`.

    An event that names a key alone stands for its current version.
    """
    raw = account.stack.raw_bucket_name
    return [
        (source.key, version)
        for source in dead_letter.sources
        if source.bucket in {None, raw} and source.key.startswith(keys.INCOMING)
        if (version := source.version or _current(account, source.key))
    ]


def mark_discarded(account: Account, dead_letter: DeadLetter) -> str | None:
    """Mark the versions of a dead letter; return why one could not be marked, or None.

    A version keeps its other tags. One that does not exist any more needs no mark.
    """
    problems = (_mark(account, *version) for version in versions_of(account, dead_letter))
    return next((problem for problem in problems if problem), None)


def _mark(account: Account, key: str, version: str) -> str | None:
    bucket = account.stack.raw_bucket_name
    s3 = account.s3
    mark = keys.discarded_mark(key, version)
    try:
        tags = s3.get_object_tagging(Bucket=bucket, Key=key, VersionId=version)["TagSet"]
        others: list[TagTypeDef] = [one for one in tags if one["Key"] != keys.DISCARDED_TAG]
        if len(others) >= _MAX_TAGS:
            return (
                f"{key} version {version} has {len(others)} tags, as many as S3 allows: take one "
                "off, so that it can be marked as discarded"
            )
        s3.put_object_tagging(
            Bucket=bucket,
            Key=key,
            VersionId=version,
            Tagging={"TagSet": [*others, {"Key": keys.DISCARDED_TAG, "Value": mark}]},
        )
    except s3.exceptions.ClientError as error:
        if aws.code(error) not in _ABSENT:
            raise
    return None


def _current(account: Account, key: str) -> str | None:
    answer = account.s3.list_object_versions(
        Bucket=account.stack.raw_bucket_name, Prefix=key, MaxKeys=1
    )
    found = answer.get("Versions", [])
    same = [one.get("VersionId") for one in found if one.get("Key") == key]
    return same[0] if same else None
