"""What a dataset costs: the CPU of a file with one beside that of the same file without.

CSV and JSON lines, with all cells filled, with some empty, and with bad records. Ten fields are
declared, as in the example of the pages. A file is measured whole, as the data processor takes it
from the queue to its place, on an S3 client that takes no time; and its transform alone.
"""

import gc
import io
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.invocations import NO_DATASETS, RAW, Context, batch, output, processor
from bench.measurement import measured
from bench.s3 import FakeS3
from handlers.transform.datasets.dataset import Datasets
from handlers.transform.files import record_encoder, transform
from handlers.transform.formats.batch import BLOCK_BYTES
from handlers.transform.records.encoder import metadata_tail

GOAL: Final = 1.5
_RECORDS: Final = 40_000
_RUNS_A_ROUND: Final = 5  # of all of them the fastest counts
_EMPTY_SHARE: Final = 0.3  # of four of the ten fields
_TAIL: Final = metadata_tail(
    processed_at=datetime(2024, 1, 15, tzinfo=UTC), environment="bench", processor_version="1"
)
_STATUS: Final = ("new", "paid", "sent", "done")
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["order", "placed", "total"],
    "properties": {
        "order": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
        "customer": {"type": "string"},
        "city": {"type": "string"},
        "note": {"type": "string"},
        "placed": {"type": "string", "format": "date-time"},
        "status": {"type": "string", "enum": list(_STATUS)},
        "quantity": {"type": "integer", "minimum": 1},
        "price": {"type": "number", "minimum": 0},
        "total": {"type": "number", "minimum": 0},
        "paid": {"type": "boolean"},
    },
}
_KINDS: Final = {"filled": (0, 0), "some empty": (_EMPTY_SHARE, 0), "1 in 1,000 bad": (0, 0.001)}
_DECLARED: Final = {"orders": {"prefix": "orders/", "schema": _SCHEMA}}


@dataclass(frozen=True, kw_only=True)
class DatasetCost:
    """CPU µs a record of one file: without a dataset, and with one."""

    records: str
    form: str
    transform: tuple[float, float]
    file: tuple[float, float]

    @property
    def file_ratio(self) -> float:
        """CPU of the file with a dataset over that without."""
        return self.file[1] / self.file[0]


def compare(rounds: int, tell: Callable[[str], None]) -> list[DatasetCost]:
    """Measure each file, each in a process of its own."""
    results: list[DatasetCost] = []
    for records in _KINDS:
        for form in _WRITERS:
            tell(f"{form} of a dataset, {records}")
            answer = measured(cost, records=records, form=form, runs=rounds * _RUNS_A_ROUND)
            del answer["peak_mb"]
            results.append(DatasetCost(records=records, form=form, **answer))
    return results


def cost(records: str, form: str, runs: int) -> dict[str, Any]:
    """Measure one file by turns without a dataset and with one."""
    suffix, write = _WRITERS[form]
    data = write(list(_records(*_KINDS[records])))
    ways = (NO_DATASETS, Datasets.read(_DECLARED))
    return {
        "transform": _fastest(partial(_transform, data, suffix), ways, runs),
        "file": _fastest(partial(_process, data, suffix), ways, runs),
    }


def _fastest(
    measure: Callable[[Datasets], float], ways: Sequence[Datasets], runs: int
) -> list[float]:
    """Return the least µs a record of each way, measured in turns."""
    turns = [[measure(datasets) for datasets in ways] for _ in range(runs)]
    return [1e6 * min(taken) / _RECORDS for taken in zip(*turns, strict=True)]


def _transform(data: bytes, suffix: str, datasets: Datasets) -> float:
    """Return the CPU seconds of the transform."""
    dataset = datasets.find(f"orders/a{suffix}")
    blocks = (data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES))
    gc.collect()
    begun = time.process_time()
    for _ in transform(lambda _: blocks, suffix, record_encoder(_TAIL, dataset)):
        pass
    return time.process_time() - begun


def _process(data: bytes, suffix: str, datasets: Datasets) -> float:
    """Return the CPU seconds of the data processor."""
    key = f"incoming/orders/a{suffix}"
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        s3, file = FakeS3(Path(folder)), Path(folder, "file")
        file.write_bytes(data)
        s3.add_file(RAW, key, file)
        function = processor(s3, datasets=datasets)
        gc.collect()
        begun = time.process_time()
        function.handle(batch([key]), Context())
        taken = time.process_time() - begun
        output(s3)  # raises ValueError if there is none
        return taken


def _records(empty: float, bad: float) -> Iterator[dict[str, Any]]:
    draw = random.Random(20240115)
    for _ in range(_RECORDS):
        quantity, price = draw.randint(1, 20), round(draw.uniform(0, 100), 2)
        record: dict[str, Any] = {
            "order": f"{draw.choice('ABCD')}{draw.choice('XYZ')}-{draw.randrange(10**6)}",
            "customer": f"customer {draw.randrange(10**5)}",
            "city": draw.choice(("Berlin", "Köln", "Paris", "Rome")),
            "note": "leave at the door",
            "placed": f"2024-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}T10:30:00Z",
            "status": draw.choice(_STATUS),
            "quantity": quantity,
            "price": price,
            "total": round(quantity * price, 2),
            "paid": draw.random() < 0.5,
        }
        for name in ("city", "note", "price", "paid"):
            if draw.random() < empty:
                record[name] = None
        if draw.random() < bad:
            record[draw.choice(("order", "placed", "status", "quantity"))] = -5
        yield record


def _table(records: list[dict[str, Any]]) -> bytes:
    rows = [",".join(records[0]), *(",".join(map(_cell, r.values())) for r in records), ""]
    return "\n".join(rows).encode()


def _cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _lines(records: list[dict[str, Any]]) -> bytes:
    lines = (json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in records)
    return "\n".join(lines).encode()


_WRITERS: Final[dict[str, tuple[str, Callable[[list[dict[str, Any]]], bytes]]]] = {
    "CSV": (".csv", _table),
    "NDJSON": (".ndjson", _lines),
}
