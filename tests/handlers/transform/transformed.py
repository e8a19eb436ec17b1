"""Runs `transform` on bytes and returns its result as a `reference.Outcome`."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import ModuleType
from unittest.mock import patch

import pytest

from handlers.transform import files
from handlers.transform.datasets.dataset import Dataset
from handlers.transform.delimited import header, regular_rows, row_reader
from handlers.transform.files import is_utf8, record_encoder, transform
from handlers.transform.formats import array, batch, concatenated, ndjson, text
from handlers.transform.formats.batch import START, BadFileError, Batch, Position, Reject
from handlers.transform.formats.text import UTF8, NotUtf8Error
from handlers.transform.records import encoder
from handlers.transform.records.encoder import metadata_tail
from tests.handlers.transform import reference
from tests.handlers.transform.reference import Outcome

MOMENT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
TAIL = metadata_tail(processed_at=MOMENT, environment="prod", processor_version="1.0.0")
MODULES: tuple[ModuleType, ...] = (
    files, array, batch, row_reader, header, ndjson, concatenated, regular_rows, text, encoder,
    reference,
)  # fmt: skip
CLASSES = {
    "longer than": "too long",
    "nested": "too deep",
    "objects, arrays and fields": "too many parts",
    "not JSON": "not JSON",
    "invalid UTF-8": "invalid UTF-8",
    "is not a JSON number": "not a number",
    "lone surrogate": "lone surrogate",
    "not an object": "not an object",
    "cells, the header has": "ragged",
    "broken quotes": "broken quotes",
}


def source(data: bytes, *sizes: int):
    """Return a Source of bytes, in chunks of these sizes, in turn."""

    def chunks(offset: int) -> Iterator[bytes]:
        at, turn = offset, 0
        while at < len(data):
            size = sizes[turn % len(sizes)] if sizes else len(data)
            yield data[at : at + size]
            at, turn = at + size, turn + 1

    return chunks


def batches_of(
    data: bytes,
    suffix: str,
    *sizes: int,
    start: Position = START,
    encoding: str = "",
    dataset: Dataset | None = None,
) -> list[Batch]:
    """Return the batches of a file that is read in chunks of these sizes."""
    blocks, encoder = source(data, *sizes), record_encoder(TAIL, dataset)
    return list(transform(blocks, suffix, encoder, start, encoding=encoding))


def transformed(
    data: bytes, suffix: str, *sizes: int, encoding: str = "", dataset: Dataset | None = None
) -> Outcome:
    """Return the result of a file; raises BadFileError as `transform` does."""
    encoder = record_encoder(TAIL, dataset)
    batches = list(transform(source(data, *sizes), suffix, encoder, encoding=encoding))
    outcome = outcome_of(batches)
    outcome.renamed = encoder.renamed
    return outcome


def encoding_of(data: bytes, suffix: str, fallback: str, *sizes: int) -> str:
    """Return the encoding in which a file is read; "" without a fallback."""
    if not fallback:
        return ""
    try:
        whole = is_utf8(source(data, *sizes), suffix)
    except BadFileError:
        return UTF8
    if not whole:  # then reading it as UTF-8 must raise, unless the file breaks first
        with suppress(BadFileError), pytest.raises(NotUtf8Error):
            batches_of(data, suffix, *sizes, encoding=UTF8)
    return UTF8 if whole else fallback


def outcome_of(batches: list[Batch]) -> Outcome:
    """Return batches as one outcome; check that each line ends with its metadata."""
    lines = bodies(batches)
    assert len(lines) == sum(b.written for b in batches)
    return Outcome(
        records=[reference.output(line) for line in lines],
        rejects=[(r.place, class_of(r)) for b in batches for r in b.rejects],
        empty=sum(b.empty for b in batches),
        broken={r.place: (r.field, r.rule) for b in batches for r in b.rejects if r.rule},
    )


def bodies(batches: list[Batch]) -> list[bytes]:
    """Return the output's records, without `_metadata`."""
    whole = b"".join(line for b in batches for line in b.lines)
    if not whole:
        return []
    assert whole.endswith(TAIL)
    return [body + b"}" for body in whole[: -len(TAIL)].split(TAIL)]


def class_of(reject: Reject) -> str:
    """Return the class of a reject's reason."""
    if reject.rule:
        return reference.BREAKS
    return next(name for part, name in CLASSES.items() if part in reject.reason)


@contextmanager
def limits(*, block: int, record: int, parts: int) -> Iterator[None]:
    """Set the limits of blocks and records, so that small files can exceed them."""
    values = {"BLOCK_BYTES": block, "MAX_RECORD_BYTES": record, "MAX_RECORD_PARTS": parts}
    patches = [
        patch.object(module, name, value)
        for module in MODULES
        for name, value in values.items()
        if hasattr(module, name)
    ]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
