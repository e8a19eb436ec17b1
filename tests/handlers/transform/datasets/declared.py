"""Datasets for tests, and files that are transformed with them."""

from typing import Any

from handlers.transform.datasets.dataset import Dataset
from handlers.transform.files import record_encoder, transform
from handlers.transform.formats.batch import START, Batch, Position
from tests.handlers.transform.transformed import TAIL, bodies, source

ORDERS: dict[str, Any] = {
    "type": "object",
    "required": ["order", "total"],
    "properties": {
        "order": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
        "placed": {"type": "string", "format": "date-time"},
        "status": {"type": "string", "enum": ["new", "paid", "sent"]},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 1000},
        "total": {"type": "number", "minimum": 0},
        "paid": {"type": "boolean"},
        "note": {"type": "string", "maxLength": 20},
        "customer": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "address": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"city": {"type": "string"}, "zip": {"type": "string"}},
                },
            },
        },
        "items": {
            "type": "array",
            "maxItems": 3,
            "items": {
                "type": "object",
                "required": ["price"],
                "properties": {"price": {"type": "number", "multipleOf": 0.01}},
            },
        },
    },
}


def dataset(schema: dict[str, Any] | None = None, **keys: Any) -> Dataset:
    """Return a dataset of a schema, orders by default, with other keys of its declaration."""
    return Dataset.read("orders", {"prefix": "orders/", "schema": schema or ORDERS, **keys})


def field(kind: str, **keywords: Any) -> Dataset:
    """Return a dataset of one field, `value`."""
    return dataset({"type": "object", "properties": {"value": {"type": kind, **keywords}}})


def read(
    data: bytes, suffix: str, declared: Dataset, *sizes: int, start: Position = START
) -> list[Batch]:
    """Return the batches of a file that is read in chunks of these sizes."""
    return list(transform(source(data, *sizes), suffix, record_encoder(TAIL, declared), start))


def result(
    data: bytes, suffix: str, declared: Dataset, *sizes: int
) -> tuple[list[bytes], list[tuple[str, str, str]], int]:
    """Return a file's records, its rejects as (place, field, rule), and its empty records."""
    batches = read(data, suffix, declared, *sizes)
    rejects = [(r.place, r.field, r.rule) for batch in batches for r in batch.rejects]
    return bodies(batches), rejects, sum(batch.empty for batch in batches)
