"""Encodes rows of cells as JSON objects, each without its closing brace. Pure."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import orjson

# The texts are bytes; a dataset has a BadRecordError instead for a row that breaks its rules.
RowTexts = Callable[[Iterable[list[str]]], list[Any]]

# For more columns, compiling takes longer than most files would gain.
_MOST_COMPILED_COLUMNS: Final = 1_000
_FUNCTION: Final = """\
def texts(rows):
    texts = []
    for {cells}, in rows:
        record = {{{fields}}}
{removals}
        texts.append(dumps(record)[:-1])
    return texts
"""


def row_texts(names: list[str]) -> RowTexts:
    """Return a function that encodes rows of cells; `names` are distinct.

    Empty cells are left out. The function raises ValueError for a row that is not as long as
    `names`. It is compiled for these names, as dataclasses are: a dict display with constant names
    takes half the time of a dict that is filled pair by pair.
    """
    if len(names) > _MOST_COMPILED_COLUMNS:
        return partial(_texts, names)
    cells = [f"cell_{number}" for number in range(len(names))]
    pairs = list(zip(names, cells, strict=True))
    code = _FUNCTION.format(
        cells=", ".join(cells),
        fields=", ".join(f"{name!r}: {cell}" for name, cell in pairs),
        removals="\n".join(f"        if not {cell}: del record[{name!r}]" for name, cell in pairs),
    )
    scope: dict[str, Any] = {"dumps": orjson.dumps}
    exec(compile(code, "<row_texts>", "exec"), scope)  # noqa: S102 - names are literals in it
    return scope["texts"]


def _texts(names: list[str], rows: Iterable[list[str]]) -> list[bytes]:
    return [
        orjson.dumps({name: cell for name, cell in zip(names, row, strict=True) if cell})[:-1]
        for row in rows
    ]
