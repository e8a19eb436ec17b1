"""Bundles in an archive bucket on moto, as the archiver stores them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from handlers import keys
from handlers.bundles.entries import Entry, pack
from handlers.bundles.indexes import IndexWriter

MADE = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
TYPE = {"ContentType": "application/x-ndjson"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """An output to be bundled; its key is in `processed/`."""

    key: str
    body: bytes = b'{"a":1}\n'
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=lambda: dict(TYPE))
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    modified: datetime = MADE


def bundle(outputs: Iterable[Made]) -> tuple[bytes, IndexWriter, list[Entry]]:
    """Return a bundle of outputs, its index, and its entries."""
    whole, index = bytearray(), IndexWriter()
    entries: list[Entry] = []
    for one in sorted(outputs, key=lambda it: it.key):
        entry, data = pack(
            one.body,
            key=one.key,
            etag='"0123456789abcdef0123456789abcdef"',
            modified=one.modified,
            headers=one.headers,
            metadata=one.metadata,
            tags=one.tags,
            offset=len(whole),
        )
        whole += data
        index.add(entry)
        entries.append(entry)
    return bytes(whole), index, entries


def store(
    s3: Any,
    bucket: str,
    outputs: Iterable[Made],
    *,
    number: int = 1,
    folder: str = "",
    storage_class: str = "STANDARD_IA",
) -> tuple[str, list[Entry]]:
    """Store the bundle of a day and its index; return the bundle's key, and its entries."""
    whole, index, entries = bundle(outputs)
    day = keys.partition_day(entries[0].key)
    assert day
    key = keys.bundle_key(day, folder, number)
    s3.put_object(Bucket=bucket, Key=key, Body=whole, StorageClass=storage_class)
    s3.put_object(
        Bucket=bucket,
        Key=keys.bundle_index_key(key),
        Body=index.finish(),
        Metadata=index.metadata(),
    )
    return key, entries
