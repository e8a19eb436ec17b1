"""The parts of docs/datasets.md that code makes: keywords, cells, columns and functions."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from handlers.transform.datasets.cells import typed
from handlers.transform.datasets.formats import FORMATS
from handlers.transform.datasets.schemas import ANNOTATIONS
from infra.datasets.checks import keywords
from infra.datasets.columns import column_type
from tests.ops.datasets.queries.athena_functions import EXAMPLES

_CELLS = (
    "12", "-7", "0", "9223372036854775807", "9223372036854775808", "12.50", "1e3", "-0", "007",
    "+5", " 5", "1,5", "12 EUR", "true", "TRUE", "yes", "1", "NaN", "1e999", "CH",
)  # fmt: skip
_KINDS = ("string", "integer", "number", "boolean")
_COLUMNS: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "array", "items": {"type": "integer"}},
    {"type": "array"},
    {"type": "object", "properties": {"city": {"type": "string"}}},
    {"type": "object"},
)


def cells() -> str:
    """Return what a cell of a delimited file becomes, by the declared type."""
    rows = [(f"`{cell}`", *(_written(cell, kind) for kind in _KINDS)) for cell in _CELLS]
    return _table(("cell", *_KINDS), [*rows, ("an empty cell", *["a missing field"] * len(_KINDS))])


def _written(cell: str, kind: str) -> str:
    value = typed(cell, kind)
    if value is None:
        return "rejected"
    if isinstance(value, str | bool):
        return f"`{json.dumps(value)}`"
    return f"`{cell}`"  # a number is written with its own digits


def supported() -> str:
    """Return the keywords of JSON Schema that a declaration may use, by type."""
    kinds = [(f"`{kind}`", _listed(own)) for kind, own in keywords.OF_TYPE.items()]
    every = ("any", _listed(keywords.OF_ANY_TYPE))
    notes = ("any, for people", _listed(ANNOTATIONS))
    formats = f"`format` is one of {_listed(FORMATS)}."
    return f"{_table(('of type', 'keywords'), [every, *kinds, notes])}\n\n{formats}"


def columns() -> str:
    """Return the type of the column of each type of field."""
    rows = [(f"`{json.dumps(it)}`", f"`{column_type(it)}`") for it in _COLUMNS]
    return _table(("declared", "column"), rows)


def functions() -> str:
    """Return Athena's functions that the local pipeline has."""
    return f"{_listed(EXAMPLES)}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "–"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


TEXTS = {"keywords": supported, "cells": cells, "columns": columns, "functions": functions}
