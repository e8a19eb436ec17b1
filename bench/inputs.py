"""The files that are measured: made from a seed, each with the records that must come of it.

What is expected is written down here, by a table of names and a few lines that drop empties; it
shares no code with the handlers.
"""

import csv
import gzip
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final, cast

import orjson

from bench import csv_shapes, json_shapes

SIZES: Final = {
    "1 KB": 10**3,
    "1 MB": 10**6,
    "10 MB": 10**7,
    "25 MB": 25 * 10**6,
    "100 MB": 10**8,
    "1 GB": 10**9,
}
# Orders are nested: an address with a place in it, line items. Events are flat.
SUFFIXES: Final = {
    "NDJSON": ".ndjson",
    "array": ".json",
    "gzip": ".ndjson.gz",
    "NDJSON flat": ".ndjson",
    "CSV": ".csv",
}
# Measured at one size, smaller and less often, so that a run does not take much longer for them.
JSON_SHAPES: Final = {
    "colliding names": ".ndjson",
    "1 bad line in 100": ".ndjson",
    "null-rich": ".ndjson",
}
CSV_SHAPES: Final = {
    "CSV narrow": ".csv",
    "CSV wide": ".csv",
    "CSV text": ".csv",
    "CSV quoted": ".csv",
    "CSV sparse": ".csv",
}
SHAPES: Final = JSON_SHAPES | CSV_SHAPES
SHAPES_SIZE: Final = "25 MB"
SHAPES_ROUNDS: Final = 3
_STEMS: Final = {  # of the others: orders
    "NDJSON flat": "events",
    "CSV": "table",
    "colliding names": "trail",
    "1 bad line in 100": "broken",
    "null-rich": "sparse-json",
    **{form: form.replace("CSV ", "table-") for form in CSV_SHAPES},
}
_SEED: Final = 20240115
_LATE_SHARE: Final = 0.6  # a field comes that was never there before, as schemas grow
# Raw names and what they must become.
_NAMES: Final = {
    "orderId": "order_id",
    "Customer Name": "customer_name",
    "emailAddress": "email_address",
    "isGift": "is_gift",
    "unitPrice": "unit_price",
    "quantity": "quantity",
    "discount": "discount",
    "comment": "comment",
    "createdAt": "created_at",
    "shippingAddress": "shipping_address",
    "streetName": "street_name",
    "ZIP Code": "zip_code",
    "floorNumber": "floor_number",
    "geo": "geo",
    "lat": "lat",
    "lng": "lng",
    "tags": "tags",
    "lineItems": "line_items",
    "sku": "sku",
    "itemNote": "item_note",
    "couponCode": "coupon_code",
    "countryISOCode": "country_iso_code",
    "Straße": "straße",
    "sales-channel": "sales_channel",
    "eventId": "event_id",
    "eventType": "event_type",
    "User ID": "user_id",
    "sessionId": "session_id",
    "pageURL": "page_url",
    "referrer": "referrer",
    "userAgent": "user_agent",
    "durationMs": "duration_ms",
    "score": "score",
    "occurredAt": "occurred_at",
    "isBot": "is_bot",
    "errorCode": "error_code",
}
_PEOPLE: Final = ("Ada Lovelace", "José Núñez", "Zoë Krüger", "李小龍", "Åsa Öberg", "O'Brien, Pat")
_STREETS: Final = ("Hauptstraße", "Rue de l'Église", "5th Avenue", "ул. Ленина", "中山路")
_COMMENTS: Final = ("", "ring twice", 'says "hello"', "línea\nnueva", "leave it, please", "🎁 gift")
_TAGS: Final = ("new", "vip", "größe-xl", "sale", "b2b")


@dataclass(frozen=True, kw_only=True)
class Input:
    """One file; `text_bytes` is its size once unpacked, which is what its speed is counted in."""

    form: str
    size: str
    path: Path
    expected: Path
    text_bytes: int

    @property
    def suffix(self) -> str:
        """Return the data suffix, as the pipeline is told it."""
        return _suffix(self.form)


def prepare(folder: Path, size: str, forms: Sequence[str]) -> list[Input]:
    """Return the files of a size, made where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem in {_STEMS.get(form, "orders"): None for form in forms}:
        name = f"{stem}-{size.replace(' ', '')}"
        done = folder / f"{name}.done"
        if not done.exists():
            _WRITERS[stem](folder, name, SIZES[size])
            done.touch()
    return [_described(folder, size, form) for form in forms]


def _described(folder: Path, size: str, form: str) -> Input:
    name = f"{_STEMS.get(form, 'orders')}-{size.replace(' ', '')}"
    suffix = _suffix(form)
    return Input(
        form=form,
        size=size,
        path=folder / f"{name}{suffix}",
        expected=folder / f"{name}.expected",
        text_bytes=(folder / f"{name}{suffix.removesuffix('.gz')}").stat().st_size,
    )


def _suffix(form: str) -> str:
    return SUFFIXES.get(form) or SHAPES[form]


def _write_orders(folder: Path, name: str, size: int) -> None:
    with ExitStack() as stack:

        def create(ending: str) -> Any:
            return stack.enter_context((folder / f"{name}{ending}").open("wb"))

        lines, array, expected = create(".ndjson"), create(".json"), create(".expected")
        packed = stack.enter_context(
            gzip.GzipFile(str(folder / f"{name}.ndjson.gz"), "wb", compresslevel=6, mtime=0)
        )
        separator = b"["
        for order in _records(size, _order):
            raw = orjson.dumps(order)
            lines.write(raw + b"\n")
            packed.write(raw + b"\n")
            array.write(separator + raw)
            separator = b","
            expected.write(orjson.dumps(_cleaned(order)) + b"\n")
        array.write(b"]")


def _write_events(folder: Path, name: str, size: int) -> None:
    with (
        (folder / f"{name}.ndjson").open("wb") as lines,
        (folder / f"{name}.expected").open("wb") as expected,
    ):
        for event in _records(size, _event):
            lines.write(orjson.dumps(event) + b"\n")
            expected.write(orjson.dumps(_cleaned(event)) + b"\n")


def _records(
    size: int, make: Callable[[random.Random, int, bool], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    draw, written, number = random.Random(_SEED), 0, 0
    while written < size:
        number += 1
        record = make(draw, number, written > _LATE_SHARE * size)
        written += len(orjson.dumps(record)) + 1
        yield record


def _event(draw: random.Random, number: int, late: bool) -> dict[str, Any]:  # noqa: FBT001 - as `_order`
    event: dict[str, Any] = {
        "eventId": f"{draw.getrandbits(64):016x}",
        "eventType": draw.choice(("view", "click", "purchase", "error")),
        "User ID": draw.choice((None, 10**6 + number % 9_973)),
        "sessionId": f"{draw.getrandbits(48):012x}",
        "pageURL": f"https://example.com/{draw.choice(_TAGS)}/{draw.randrange(10**4)}?q=a%20b",
        "referrer": draw.choice((None, "", "https://example.org/")),
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
        "durationMs": draw.randrange(10_000),
        "score": draw.choice((None, 0.5, draw.randrange(10**6) / 10**6)),
        "occurredAt": f"2024-01-{draw.randrange(1, 29):02d}T10:{draw.randrange(60):02d}:00.000Z",
        "isBot": draw.random() < 0.1,
        "Customer Name": draw.choice(_PEOPLE),
        "comment": draw.choice(_COMMENTS),
        "countryISOCode": draw.choice(("DE", "FR", None, "NA")),
    }
    if late:
        event["errorCode"] = draw.randrange(400, 600)
    return event


def _order(draw: random.Random, number: int, late: bool) -> dict[str, Any]:  # noqa: FBT001 - one flag, one caller
    items = [
        {
            "sku": f"SKU-{draw.randrange(10**6):06d}",
            "unitPrice": draw.randrange(100, 50_000) / 100,
            "quantity": draw.randrange(1, 9),
            "itemNote": draw.choice((None, "fragile", "")),
        }
        for _ in range(draw.randrange(1, 4))
    ]
    order: dict[str, Any] = {
        "orderId": 9_000_000_000 + number,
        "Customer Name": draw.choice(_PEOPLE),
        "emailAddress": f"customer{draw.randrange(10**5)}@example.com",
        "isGift": draw.random() < 0.5,
        "quantity": draw.choice((None, draw.randrange(0, 100))),
        "discount": draw.choice((None, 0, 0.25, draw.random())),
        "comment": draw.choice(_COMMENTS),
        "createdAt": f"2024-01-{draw.randrange(1, 29):02d}T10:{draw.randrange(60):02d}:00Z",
        "shippingAddress": {
            "streetName": draw.choice(_STREETS),
            "ZIP Code": f"{draw.randrange(10**5):05d}",
            "floorNumber": draw.choice((None, draw.randrange(30))),
            "geo": {
                "lat": round(draw.uniform(-90, 90), 6),
                "lng": round(draw.uniform(-180, 180), 6),
            },
        },
        "tags": draw.sample(_TAGS, draw.randrange(3)),
        "lineItems": items,
    }
    if draw.random() < 0.05:
        order["shippingAddress"]["geo"] = {"lat": None, "lng": None}
    if late:
        order["couponCode"] = f"C{draw.randrange(10**4)}"
    return order


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        kept = ((_NAMES[name], _cleaned(field)) for name, field in fields.items())
        return {name: field for name, field in kept if field not in (None, "", {}, [])}
    if isinstance(value, list):
        return [_cleaned(element) for element in cast("list[Any]", value)]
    return value


_COLUMNS: Final = (
    "orderId", "Customer Name", "emailAddress", "isGift", "unitPrice", "quantity", "comment",
    "createdAt", "Straße", "ZIP Code", "countryISOCode", "sales-channel",
)  # fmt: skip


def _write_table(folder: Path, name: str, size: int) -> None:
    draw, written, number = random.Random(_SEED), 0, 0
    with (
        (folder / f"{name}.csv").open("wb") as table,
        (folder / f"{name}.expected").open("wb") as expected,
    ):
        written = table.write(_row(list(_COLUMNS)))
        while written < size:
            number += 1
            cells = _cells(draw, number)
            written += table.write(_row(cells))
            pairs = zip(_COLUMNS, cells, strict=True)
            expected.write(orjson.dumps({_NAMES[name]: c for name, c in pairs if c}) + b"\n")


def _row(cells: list[str]) -> bytes:
    row = StringIO()
    csv.writer(row, lineterminator="\n").writerow(cells)
    return row.getvalue().encode()


def _cells(draw: random.Random, number: int) -> list[str]:
    return [
        str(9_000_000_000 + number),
        draw.choice(_PEOPLE),
        f"customer{draw.randrange(10**5)}@example.com",
        draw.choice(("true", "false")),
        f"{draw.randrange(100, 50_000) / 100:.2f}",
        draw.choice(("", str(draw.randrange(100)))),
        draw.choice(_COMMENTS),
        f"2024-01-{draw.randrange(1, 29):02d}T10:{draw.randrange(60):02d}:00Z",
        draw.choice(_STREETS),
        f"{draw.randrange(10**5):05d}",
        draw.choice(("DE", "FR", "", "NA")),
        draw.choice(("web", "store", "phone")),
    ]


_WRITERS: Final = {
    "orders": _write_orders,
    "events": _write_events,
    "table": _write_table,
    "trail": json_shapes.write_trail,
    "broken": json_shapes.write_broken,
    "sparse-json": json_shapes.write_sparse,
    **csv_shapes.WRITERS,
}
