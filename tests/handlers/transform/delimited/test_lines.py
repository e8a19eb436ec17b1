"""Lines of rows are what each row gives alone, whichever cells are empty or bare."""

import json
import random

import pytest

from handlers.transform.delimited.lines import RARE_ROW_END, ROW_END, RowLines
from tests.handlers.transform.transformed import TAIL


def by_row(names: list[str], bare: set[str], rows: list[list[str]]) -> bytes:
    lines = b""
    for row in rows:
        fields = [
            f"{json.dumps(name)}:{cell if name in bare else json.dumps(cell)}"
            for name, cell in zip(names, row, strict=True)
            if cell
        ]
        lines += ("{" + ",".join(fields)).encode() + TAIL if fields else b""
    return lines


@pytest.mark.parametrize("filled_share", [1, 0.9, 0.5, 0.1])
@pytest.mark.parametrize("end", [ROW_END, RARE_ROW_END])
def test_any_cells_may_be_empty_and_any_columns_bare(filled_share, end):
    draw = random.Random(f"{filled_share}{end}")
    for _ in range(60):
        names = [f"n{at}" for at in range(draw.randint(1, 6))]
        bare = {name for name in names if draw.random() < draw.choice((0, 0.5, 1))}
        encoder = RowLines(names, TAIL, bare)
        for _ in range(3):
            shares = [draw.choice((1, filled_share)) for _ in names]
            rows = [
                [str(draw.randint(0, 99)) if draw.random() < share else "" for share in shares]
                for _ in range(draw.randint(1, 8))
            ]
            cells = [cell for row in rows for cell in (*(c.encode() for c in row), end)]
            sparse = {at for at, name in enumerate(names) if not all(row[at] for row in rows)}
            wanted = by_row(names, bare, rows)
            empty = sum(not any(row) for row in rows)
            for encoded in (encoder.encode_rows([*cells], sparse), encoder.encode([*cells])):
                assert encoded.lines == wanted
                assert (encoded.written, encoded.empty) == (len(rows) - empty, empty)
