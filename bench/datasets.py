"""What a dataset costs: the CPU of a file with one beside that of the same file without.

`python -m bench.datasets` prints a row a file: CSV and JSON lines, with all cells filled, with some
empty, and with bad records. Ten fields are declared, as in the example of the pages.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from handlers.transform.datasets.dataset import Dataset
from handlers.transform.files import record_encoder, transform
from handlers.transform.formats.batch import BLOCK_BYTES
from handlers.transform.records.encoder import metadata_tail

_RECORDS: Final = 40_000
_RUNS: Final = 7  # of which the fastest counts
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
_FILES: Final = (("filled", 0, 0), ("some empty", _EMPTY_SHARE, 0), ("1 in 1000 bad", 0, 0.001))


def main() -> None:
    """Measure each file and print its row."""
    dataset = Dataset.read("orders", {"prefix": "orders/", "schema": _SCHEMA})
    print(f"{'records':14} {'format':6} {'without':>10} {'with':>10} {'ratio':>6}")
    for name, empty, bad in _FILES:
        records = list(_records(empty, bad))
        for suffix, data in ((".csv", _table(records)), (".ndjson", _lines(records))):
            without, declared = _microseconds(data, suffix, None, dataset)
            ratio = declared / without
            print(f"{name:14} {suffix[1:]:6} {without:7.2f} µs {declared:7.2f} µs {ratio:6.2f}")


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


def _microseconds(data: bytes, suffix: str, *datasets: Dataset | None) -> list[float]:
    """Return the CPU time of a record with each dataset, measured in turns."""
    times = [[_seconds(data, suffix, dataset) for dataset in datasets] for _ in range(_RUNS)]
    return [1e6 * min(column) / _RECORDS for column in zip(*times, strict=True)]


def _seconds(data: bytes, suffix: str, dataset: Dataset | None) -> float:
    begun = time.process_time()
    blocks = (data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES))
    for _ in transform(lambda _: blocks, suffix, record_encoder(_TAIL, dataset)):
        pass
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main())
