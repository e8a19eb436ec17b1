"""Read bundled outputs: those beside one another in a bundle together, by one range read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ops import aws
from ops.archive.archived_outputs import ArchivedOutput
from ops.aws import Account

# What is held in memory at once, of small outputs: some seconds of work for who stores them.
_RANGE_BYTES: Final = 8 * 1024**2
# Bytes of others between two outputs that are read with them: a request takes longer.
_GAP_BYTES: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Piece:
    """An output, and its bytes in the bundle, or why they could not be read."""

    output: ArchivedOutput
    data: bytes = b""
    error: Exception | None = None


def read(account: Account, outputs: Iterable[ArchivedOutput]) -> Iterator[Piece]:
    """Yield the bytes of bundled outputs, read as they are taken; a failed read stops no other."""
    for some in ranges(outputs):
        start = some[0].offset
        try:
            data = _bytes(account, some)
        except aws.AwsError as error:
            yield from (Piece(output=one, error=error) for one in some)
            continue
        for one in some:
            begin = one.offset - start
            yield Piece(output=one, data=data[begin : begin + one.length])


def ranges(outputs: Iterable[ArchivedOutput]) -> Iterator[list[ArchivedOutput]]:
    """Yield the outputs of each range read: of one bundle, in order, with small gaps. Pure."""
    some: list[ArchivedOutput] = []
    for one in sorted(outputs, key=lambda it: (it.holder, it.offset)):
        if some and not _joins(some, one):
            yield some
            some = []
        some.append(one)
    if some:
        yield some


def _joins(some: Sequence[ArchivedOutput], one: ArchivedOutput) -> bool:
    first, last = some[0], some[-1]
    end = one.offset + one.length
    return (
        one.holder == last.holder
        and one.offset - (last.offset + last.length) <= _GAP_BYTES
        and end - first.offset <= _RANGE_BYTES
    )


def _bytes(account: Account, some: Sequence[ArchivedOutput]) -> bytes:
    first, last = some[0], some[-1]
    end = last.offset + last.length
    answer = account.s3.get_object(
        Bucket=account.stack.archive_bucket_name,
        Key=first.holder,
        Range=f"bytes={first.offset}-{end - 1}",
    )
    return answer["Body"].read()
