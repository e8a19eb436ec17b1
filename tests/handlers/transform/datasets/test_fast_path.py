"""Blocks that are proved as a whole give the same bytes and rejects as records judged alone.

`DATASET_COUNT` sets how many files each test generates.
"""

import os
import random
from contextlib import ExitStack
from dataclasses import dataclass
from unittest.mock import patch

import pytest

from handlers.transform.datasets import rules
from handlers.transform.datasets.dataset import Dataset
from handlers.transform.delimited.block_encoder import RowBlockEncoder
from handlers.transform.formats.batch import START, Batch, Position, Reject
from tests.handlers.transform.datasets.declared import ORDERS, dataset, read
from tests.handlers.transform.datasets.generator import Maker
from tests.handlers.transform.transformed import limits

COUNT = int(os.environ.get("DATASET_COUNT", "40"))
BLOCKS = (64 * 1024, 2000, 300, 60)


@dataclass
class Reading:
    lines: bytes
    rejects: list[Reject]
    written: int
    empty: int


def reading(batches: list[Batch]) -> Reading:
    return Reading(
        lines=b"".join(line for batch in batches for line in batch.lines),
        rejects=[reject for batch in batches for reject in batch.rejects],
        written=sum(batch.written for batch in batches),
        empty=sum(batch.empty for batch in batches),
    )


def one_by_one(
    data: bytes, suffix: str, declared: Dataset, *sizes: int, start: Position = START
) -> list[Batch]:
    """Read a file without proofs and without blocks of rows."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(RowBlockEncoder, "encode", lambda *_: None))
        stack.enter_context(patch.object(rules, "_FEW", 10**9))
        return read(data, suffix, declared, *sizes, start=start)


def check(data: bytes, suffix: str, declared: Dataset, draw: random.Random) -> Reading:
    with limits(block=64 * 1024, record=8 * 1024 * 1024, parts=500_000):
        wanted = reading(one_by_one(data, suffix, declared))
        assert reading(read(data, suffix, declared)) == wanted
    sizes = draw.choice(([], [draw.randint(1, 9)], [draw.randint(50, 500)]))
    with limits(block=draw.choice(BLOCKS), record=8 * 1024 * 1024, parts=500_000):
        batches = read(data, suffix, declared, *sizes)
        assert reading(batches) == wanted
        for done in draw.sample(range(len(batches)), min(3, len(batches))):
            after = batches[done].after
            rest = reading(batches[done + 1 :])
            assert reading(read(data, suffix, declared, *sizes, start=after)) == rest
            assert reading(one_by_one(data, suffix, declared, *sizes, start=after)) == rest
    return wanted


@pytest.mark.parametrize("form", ["csv", "lines", "array"])
def test_generated_files(form):
    written = rejected = 0
    for seed in range(COUNT // 2):
        draw = random.Random(seed)
        maker = Maker(draw)
        declaration, odd = maker.declaration(), draw.choice((0, 0, 0.01, 0.1))
        rows = draw.choice((1, 40, 150))
        if form == "csv":
            data, suffix = maker.table(declaration, rows), ".csv"
        else:
            records = [maker.record(declaration["schema"], odd) for _ in range(rows)]
            data = "\n".join(records) if form == "lines" else f"[{','.join(records)}]"
            suffix = ".ndjson" if form == "lines" else ".json"
        result = check(data.encode(), suffix, Dataset.read("d", declaration), draw)
        written += result.written
        rejected += len(result.rejects)
    assert written > 3 * COUNT
    assert rejected > COUNT // 2


ROW = "DE-{n},2024-03-{day:02}T10:{minute:02}:00Z,{status},{quantity},{total}.50,{paid},n{n}"
HEADER = "order,placed,status,quantity,total,paid,note"
BAD = {
    0: "xx",
    1: "2024-03-32T10:00:00Z",
    2: "gone",
    3: "0",
    4: "-1.50",
    5: "maybe",
    6: "a note of more than twenty characters",
}


def rows(count: int) -> list[str]:
    return [
        ROW.format(
            n=n, day=n % 31 + 1, minute=n % 60, status=("new", "paid")[n % 2],
            quantity=n % 9 + 1, total=n, paid=("true", "FALSE")[n % 3 == 0],
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("column", BAD)
@pytest.mark.parametrize("places", [[0], [299], [7, 8, 150], [*range(0, 300, 3)]])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_bad_cells_are_found_wherever_they_are(column, places, end):
    lines = rows(300)
    for place in places:
        cells = lines[place].split(",")
        cells[column] = BAD[column]
        lines[place] = ",".join(cells)
    data = end.join([HEADER, *lines, ""]).encode()
    result = check(data, ".csv", dataset(), random.Random(column))
    names = HEADER.split(",")
    assert [(r.number, r.field, r.raw) for r in result.rejects] == [
        (place + 2, names[column], lines[place].encode()) for place in places
    ]
    assert result.written == 300 - len(places)


def test_the_first_rule_is_that_of_a_row_alone():
    """Names come before types, types before what is missing, and that before the other rules."""
    lines = rows(200)
    for n, places in enumerate(((0, 5), (5, 6), (3, 4), (1, 2), (2, 3, 4, 5))):
        cells = lines[20 * n].split(",")
        for place in places:
            cells[place] = BAD[place]
        cells[4 if n == 2 else 6] = ""
        lines[20 * n] = ",".join(cells)
    data = "\n".join([HEADER, *lines, ""]).encode()
    result = check(data, ".csv", dataset(), random.Random(0))
    assert [r.field for r in result.rejects] == ["paid", "paid", "total", "placed", "paid"]


def test_a_row_of_dropped_cells_alone_is_an_empty_record():
    lines = [f"{n},x" for n in range(50)]
    lines[7], lines[9] = ",x", ",x"
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    data = "\n".join(["a,b", *lines, ""]).encode()
    dropped = check(data, ".csv", dataset(schema, drop=["b"]), random.Random(0))
    kept = check(data, ".csv", dataset(schema), random.Random(0))
    assert (dropped.empty, len(dropped.rejects)) == (2, 0)
    assert (kept.empty, [r.number for r in kept.rejects]) == (0, [9, 11])


def test_empty_cells_quotes_and_blank_lines_change_nothing():
    lines = rows(200)
    for n in range(0, 200, 7):
        cells = lines[n].split(",")
        cells[n % 7] = ""
        lines[n] = ",".join(cells)
    lines[50] = ",".join(f'"{cell}"' for cell in lines[50].split(","))
    lines[60] += '"'
    lines[70:70] = ["", "", ",,,,,,", 'DE-1,,"new",2,3,true,"a\nb, ""c"""']
    data = "\n".join([HEADER, *lines]).encode()
    result = check(data, ".csv", dataset(), random.Random(0))
    assert result.empty == 1
    assert b'{"order":"DE-1","status":"new","quantity":2,"total":3,"paid":true' in result.lines
    assert {r.field for r in result.rejects if r.rule} == {"order"}  # the required one of the two


def test_the_blocks_of_a_good_file_are_not_read_row_by_row():
    """Else the fast path would be tested against itself."""
    data = "\n".join([HEADER, *rows(3000), ""]).encode()
    with patch.object(rules.Rules, "typed", side_effect=AssertionError):
        assert sum(batch.written for batch in read(data, ".csv", dataset())) == 3000


def test_the_records_of_a_good_file_are_not_judged_one_by_one():
    record = '{"order":"DE-1","total":1.5,"customer":{"name":"x","address":{"city":"y"}}}'
    data = "\n".join([record] * 3000).encode()
    assert "address" in ORDERS["properties"]["customer"]["properties"]
    with patch.object(rules.Rules, "violation", side_effect=AssertionError):
        assert sum(batch.written for batch in read(data, ".ndjson", dataset())) == 3000
