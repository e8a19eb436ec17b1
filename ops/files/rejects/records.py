"""Find the rejected records of a file, and read them as a stream."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from handlers import keys
from ops.aws import Account
from ops.files import history, objects, results
from ops.files.sources import find_result, find_source, find_version
from ops.terminal.problems import OperatorError

_VERSIONS: Final = 100  # completed copies that are looked at for one with rejected records
_READ_BYTES: Final = 1 << 20
_UNITS: Final = ("line", "row")
_FOREIGN: Final = "this line of the object is not one that the pipeline writes"


@dataclass(frozen=True, kw_only=True)
class RejectedObject:
    """The object with the rejected records of one version of a file.

    `count` is their number, None if the metadata does not tell; `stored` is when they were written.
    """

    bucket: str
    key: str
    source_key: str
    source_version: str
    count: int | None
    stored: datetime


@dataclass(frozen=True, kw_only=True)
class BadRecord:
    """A rejected record: where it is in the file, why it was rejected, and how it begins.

    `unit` says what `number` counts from 1, `line` or `row`; both are None in a line of another
    form. `raw_bytes` is the length of the record's text if `raw` is only the start of it. `field`
    and `rule` are what it breaks of its file's dataset; both are None for other bad records.
    """

    unit: str | None
    number: int | None
    reason: str
    raw: str
    raw_bytes: int | None = None
    field: str | None = None
    rule: str | None = None

    @property
    def place(self) -> str | None:
        """Its place in the file, `line 3` say."""
        return f"{self.unit} {self.number}" if self.unit else None

    def document(self) -> dict[str, object]:
        """Return the record as it is stored."""
        told: dict[str, object] = {self.unit: self.number} if self.unit else {}
        told |= {} if self.rule is None else {"field": self.field, "rule": self.rule}
        told |= {"reason": self.reason, "raw": self.raw}
        return told | ({} if self.raw_bytes is None else {"raw_bytes": self.raw_bytes})


def find(account: Account, key: str, version: str | None) -> list[RejectedObject]:
    """Return the objects with rejected records of a file, newest first.

    `key` is that of the file in `incoming/` or `completed/`, of its output, or of the object. The
    latter two name one version, and so does `version`, a source version. Raises as `find_source`,
    and OperatorError if nothing of the file is stored.
    """
    source, named = find_source(account, key), find_version(account, key)
    if key.startswith(keys.REJECTED):
        found = [find_result(account, key)]
    else:
        limit = 0 if named else _VERSIONS  # the version that is named needs no completed copy
        stored = history.collect_stored(account, source, limit=limit, named=named)
        if not (stored.known or named):
            msg = f"no trace of {source}; if its completed copy is gone, give its output's key"
            raise OperatorError(msg)
        found = stored.rejected
    bucket = account.stack.processed_bucket_name
    rejected = [_rejected_object(bucket, source, head) for head in found]
    wanted = (version, named.version if named else None)
    return [
        one
        for one in rejected
        # A replay of a dataset leaves an empty object where all records have become good.
        if one.count != 0 and all(it in (None, one.source_version) for it in wanted)
    ]


def read(account: Account, found: RejectedObject) -> Iterator[BadRecord]:
    """Yield the rejected records in their order; little of the object is held at once.

    Raises OperatorError if it is gone meanwhile.
    """
    try:
        body = account.s3.get_object(Bucket=found.bucket, Key=found.key)["Body"]
    except account.s3.exceptions.NoSuchKey:
        msg = f"{found.key} is gone: rejected records are kept for rejectedDays"
        raise OperatorError(msg) from None
    with body:
        for line in body.iter_lines(_READ_BYTES):
            if line:
                yield parse(line)


def parse(line: bytes) -> BadRecord:
    """Return the record in a line of a rejected object. Pure."""
    try:
        told: Any = json.loads(line)
    except (ValueError, RecursionError):
        told = None
    fields = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    unit = next((one for one in _UNITS if isinstance(fields.get(one), int)), None)
    names = ("reason", "raw", "raw_bytes", "field", "rule")
    reason, raw, length, field, rule = map(fields.get, names)
    if unit is None or not isinstance(reason, str) or not isinstance(raw, str):
        text = line.decode(errors="backslashreplace")
        return BadRecord(unit=None, number=None, reason=_FOREIGN, raw=text)
    return BadRecord(
        unit=unit,
        number=fields[unit],
        reason=reason,
        raw=raw,
        raw_bytes=length if isinstance(length, int) else None,
        field=field if isinstance(field, str) else None,
        rule=rule if isinstance(rule, str) else None,
    )


def _rejected_object(bucket: str, source: str, head: objects.Head) -> RejectedObject:
    return RejectedObject(
        bucket=bucket,
        key=head.key,
        source_key=source,
        source_version=head.metadata.get(keys.SOURCE_VERSION, ""),
        count=results.counts(head.metadata).get("rejected"),
        stored=head.modified,
    )
