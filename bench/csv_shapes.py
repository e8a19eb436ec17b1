"""Tables of other shapes than the bench's own: narrow, wide, quoted in part or all, mostly empty.

As everywhere in the bench, what must come of each row is written down beside it.
"""

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Final, Literal

import orjson

_SEED: Final = 20240117

_PEOPLE: Final = ("Ada Lovelace", "José Núñez", "Zoë Krüger", "李小龍", "Åsa Öberg", "O'Brien, Pat")
_WORDS: Final = (
    "delivery", "late", "customer", "asked", "again", "größe", "returned", "invoice", "please",
    "check", "address", "naïve", "second", "parcel", "damaged", "refund",
)  # fmt: skip
_QUOTED_SHARE: Final = 0.3  # of the cells of a text table
_FILLED_SHARE: Final = 0.25  # of the cells of a sparse table


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """What a table's columns are named, what stands in its cells, and which of them are quoted."""

    names: dict[str, str]  # the header's → what they must become
    cells: Callable[[random.Random, int], list[str]]
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL


def _narrow(draw: random.Random, number: int) -> list[str]:
    return [
        str(number),
        str(draw.randrange(10**6)),
        f"{draw.uniform(-90, 90):.5f}",
        f"{draw.uniform(-180, 180):.5f}",
        str(draw.randrange(100)),
    ]


def _wide(draw: random.Random, number: int) -> list[str]:
    return [str(number), *(f"{draw.randrange(10**6) / 100:.2f}" for _ in range(59))]


def _text(draw: random.Random, number: int) -> list[str]:
    return [str(number), *(_sentence(draw) for _ in range(9))]


def _sentence(draw: random.Random) -> str:
    words = [draw.choice(_WORDS) for _ in range(draw.randrange(2, 6))]
    if draw.random() < _QUOTED_SHARE:
        words[0] += draw.choice((",", ",", ",", ' "so"', "\n"))
    return " ".join(words)


def _quoted(draw: random.Random, number: int) -> list[str]:
    return [
        str(number),
        draw.choice(_PEOPLE),
        f"customer{draw.randrange(10**5)}@example.com",
        f"{draw.randrange(100, 50_000) / 100:.2f}",
        f"2024-01-{draw.randrange(1, 29):02d}T10:{draw.randrange(60):02d}:00Z",
        draw.choice(("", _sentence(draw))),
        draw.choice(("DE", "FR", "NA")),
        str(draw.randrange(100)),
    ]


def _sparse(draw: random.Random, number: int) -> list[str]:
    return [
        str(number),
        *(f"{draw.randrange(10**4)}" if draw.random() < _FILLED_SHARE else "" for _ in range(29)),
    ]


_SHAPES: Final = {
    "narrow": _Shape(
        names={
            "readingId": "reading_id", "Sensor ID": "sensor_id", "lat": "lat", "lng": "lng",
            "batteryLevel": "battery_level",
        },
        cells=_narrow,
    ),
    "wide": _Shape(
        names={"rowId": "row_id", **{f"Measure {n}": f"measure_{n}" for n in range(1, 60)}},
        cells=_wide,
    ),
    "text": _Shape(
        names={"ticketId": "ticket_id", **{f"Answer {n}": f"answer_{n}" for n in range(1, 10)}},
        cells=_text,
    ),
    "quoted": _Shape(
        names={
            "orderId": "order_id", "Customer Name": "customer_name",
            "emailAddress": "email_address", "unitPrice": "unit_price",
            "createdAt": "created_at", "comment": "comment",
            "countryISOCode": "country_iso_code", "quantity": "quantity",
        },
        cells=_quoted,
        quoting=csv.QUOTE_ALL,
    ),
    "sparse": _Shape(
        names={"rowId": "row_id", **{f"Option {n}": f"option_{n}" for n in range(1, 30)}},
        cells=_sparse,
    ),
}  # fmt: skip


def _write(shape: _Shape, folder: Path, name: str, size: int) -> None:
    draw, number = random.Random(_SEED), 0
    with (
        (folder / f"{name}.csv").open("wb") as table,
        (folder / f"{name}.expected").open("wb") as expected,
    ):
        written = table.write(_row(list(shape.names), shape.quoting))
        while written < size:
            number += 1
            cells = shape.cells(draw, number)
            written += table.write(_row(cells, shape.quoting))
            pairs = zip(shape.names.values(), cells, strict=True)
            expected.write(orjson.dumps({name: cell for name, cell in pairs if cell}) + b"\n")


def _row(cells: list[str], quoting: Literal[0, 1]) -> bytes:
    row = StringIO()
    csv.writer(row, lineterminator="\n", quoting=quoting).writerow(cells)
    return row.getvalue().encode()


WRITERS: Final = {f"table-{kind}": partial(_write, shape) for kind, shape in _SHAPES.items()}
