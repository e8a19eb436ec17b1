"""Reads tables by blocks and by rows: `python -m tests.handlers.transform.delimited.row_readers`.

Each table is generated from a seed and depends on it alone. Lines, rejects, counts and positions
must be the same, byte for byte, also when reading continues from any position.
"""

import argparse
import gzip
import random
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from unittest.mock import patch

from handlers.transform.delimited.block_encoder import RowBlockEncoder
from handlers.transform.files import transform
from handlers.transform.formats.batch import START, BadFileError, Batch, Position, Reject
from handlers.transform.formats.text import UTF8, NotUtf8Error
from handlers.transform.records.encoder import RecordEncoder
from tests.handlers.transform.transformed import TAIL, limits, source

BLOCKS = (16, 64, 256, 1024, 4096, 64 * 1024)
RECORD = 8 * 1024 * 1024
DELIMITERS = ",;\t|"
PLAIN = (
    "a", "0", "007", "1.50", "x y", "é", "größe", "日本", "😀", "null", "x" * 30, "\\", "a\\b",
    "\\n", "\x00", "\x01", "\x1c", "\x1d", "\x1e", "\x1f", "\x7f", "\x08\x0c", "\u2028", "'",
)  # fmt: skip
QUOTED = (
    '""', '"a"', '"a,b;c|d\te"', '"a\nb"', '"a\r\nb"', '"\r"', '"\n"', '"a""b"', '""""', '""""""',
    '"""a"', '"a"""', '""",a"', '" "', '"\\"', '"\\""x"', '"\x1e"', '"\x1f\x1c"', '"é\né"',
    '"' + "x\n" * 12 + '"', '"a\rb\nc"', '"' + '""' * 12 + '"',
)  # fmt: skip
ODD = (
    'a"', '5" pipe', '"a"b', '"a" ', ' "a"', 'a""b', '"a""', '"', '"open', "\r", "a\rb", '"a"\r',
    "\udcff", "é\udcc3", '"\udc80"', '"\n"x', "a,b", "a;b", "a\tb", "a|b", "\n", "\r\n", "\n\n",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file, and how it is read."""

    data: bytes
    suffix: str
    sizes: list[int]  # of the chunks in which it is read
    encoding: str
    block: int
    record: int  # bytes of the longest row that is kept


@dataclass
class Reading:
    """The result of reading a table, without the limits of its batches."""

    lines: bytes
    rejects: list[Reject]
    written: int
    empty: int
    renamed: int
    after: Position | None
    failure: str = ""


def grow(seed: int) -> Table:
    """Generate the table of a seed."""
    draw = random.Random(seed)
    delimiter = draw.choice(DELIMITERS)
    columns = draw.choice((1, 2, 2, 3, 5, 12, 60))
    cells = draw.choice((PLAIN, QUOTED, (*PLAIN, *QUOTED), PLAIN[:6], (*PLAIN[:9], *QUOTED[:3])))
    empty, odd = draw.choice((0, 0, 0.1, 0.5, 0.9, 1)), draw.choice((0, 0, 0.002, 0.02, 0.3))
    end = draw.choice(("\n", "\n", "\n", "\r\n", "\r"))

    def cell() -> str:
        if draw.random() < odd / columns:
            return draw.choice(ODD)
        text = "" if draw.random() < empty else draw.choice(cells)
        return f'"x{delimiter}"' if delimiter in text and '"' not in text else text

    def row() -> str:
        width = columns + (draw.choice((-1, 1, 2)) if draw.random() < odd / 4 else 0)
        blank = "\n" if draw.random() < odd / 8 else ""
        return delimiter.join(cell() for _ in range(width)) + blank

    names = [draw.choice(("id", "ID", "Name", '"a b"', "größe", "")) for _ in range(columns)]
    rows = [delimiter.join(names), *(row() for _ in range(draw.choice((1, 5, 40, 40, 200))))]
    if draw.random() < 0.2:
        rows.insert(0, f"sep={delimiter}")
    text = end.join(rows) + draw.choice(("", end, end * 2))
    return _read_somehow(draw, text, ".tsv" if delimiter == "\t" else ".csv")


def _read_somehow(draw: random.Random, text: str, suffix: str) -> Table:
    data, encoding = text.encode(errors="surrogateescape"), ""
    kind = draw.choice(("plain",) * 6 + ("mark", "utf-16", "gzip", "fallback"))
    if kind == "mark":
        data = b"\xef\xbb\xbf" + data
    elif kind == "utf-16":
        data = b"\xff\xfe" + text.encode("utf-16-le", errors="surrogatepass")
    elif kind == "gzip":
        data, suffix = gzip.compress(data, 1, mtime=0), f"{suffix}.gz"
    elif kind == "fallback":
        encoding = draw.choice(("cp1252", "latin-1", UTF8))
    sizes = draw.choice(([], [], [draw.randint(1, 9)], [draw.randint(50, 500)]))
    block = draw.choice(BLOCKS)
    record = draw.choice((RECORD, RECORD, RECORD, 300, 60))
    return Table(
        data=data, suffix=suffix, sizes=sizes, encoding=encoding, block=block, record=record
    )


def read(table: Table, start: Position = START, *, by_row: bool) -> tuple[Reading, list[Batch]]:
    """Read a table from a position on; return the result and its batches."""
    encoder, batches, failure = RecordEncoder(TAIL), list[Batch](), ""
    blocks = source(table.data, *table.sizes)
    all_odd = patch.object(RowBlockEncoder, "encode", lambda *_: None)
    with all_odd if by_row else nullcontext():
        try:
            for batch in transform(blocks, table.suffix, encoder, start, encoding=table.encoding):
                batches.append(batch)
        except (BadFileError, NotUtf8Error) as error:
            failure = str(error) or "not UTF-8"
    for batch in batches:  # how much of a row too long to hold is kept depends on the blocks
        batch.rejects = [
            reject._replace(raw=reject.raw[: table.record]) for reject in batch.rejects
        ]
    return _joined(batches, encoder.renamed, failure), batches


def _joined(batches: list[Batch], renamed: int, failure: str) -> Reading:
    return Reading(
        lines=b"".join(line for batch in batches for line in batch.lines),
        rejects=[reject for batch in batches for reject in batch.rejects],
        written=sum(batch.written for batch in batches),
        empty=sum(batch.empty for batch in batches),
        renamed=renamed,
        # How much is read before a failure depends on the blocks; the file fails as a whole.
        after=batches[-1].after if batches and not failure else None,
        failure=failure,
    )


def check(seed: int, places: int = 3) -> str:
    """Compare both readings of a seed's table, whole and from some positions on.

    Returns how the file ended; raises AssertionError if the readings differ.
    """
    table = grow(seed)
    with limits(block=table.block, record=table.record, parts=min(table.record, 500_000)):
        (one, batches), (other, others) = read(table, by_row=False), read(table, by_row=True)
        if one.failure or other.failure:
            assert one.failure == other.failure, (seed, table)
            return "file fails"
        assert one == other, (seed, table)
        numbers = {batch.after.offset: batch.after.number for batch in others}
        shared = [b.after for b in batches if b.after.offset in numbers]
        assert all(at.number == numbers[at.offset] for at in shared), (seed, table)
        _check_going_on(seed, table, batches, places)
        _check_going_on(seed, table, others, places)
    return "some rejected" if one.rejects else "records" if one.written else "no records"


def _check_going_on(seed: int, table: Table, batches: list[Batch], places: int) -> None:
    """Check that both readings give after a position what this one gave after it."""
    draw = random.Random(seed)
    for done in draw.sample(range(1, len(batches) + 1), min(places, len(batches))):
        wanted = _joined(batches[done:], 0, "")
        for by_row in (False, True):
            rest, _ = read(table, batches[done - 1].after, by_row=by_row)
            assert rest == wanted, (seed, table, batches[done - 1].after, by_row)


def main() -> int:
    """Compare the tables of `--count` seeds; print each difference and the totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    ends: Counter[str] = Counter()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        try:
            ends[check(seed)] += 1
        except AssertionError as error:
            ends["differs"] += 1
            print(f"seed {seed}: {error}"[:3000])
    print(", ".join(f"{count} {end}" for end, count in sorted(ends.items())))
    return 1 if ends["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
