"""results.md: the run written down, with the machine it ran on."""

import dataclasses
import re
from pathlib import Path

from bench.inputs import SHAPES_ROUNDS, SHAPES_SIZE
from bench.results import Results, better_peers, speed_gaps
from bench.tables import FAN_OUT_TITLE, WAYS_TITLE, Table, fan_out_table, tables

_METHOD = """\
`make bench` writes this page. Every measure is a process of its own; engines take turns, round by
round, and the figures are medians of {rounds} rounds (of one where a run takes over a minute, or
the file is 1 GB). Speed is megabytes of input text (10^6 bytes, unpacked) per second of CPU, of all
threads, and of the clock. Peak memory is above that of an interpreter without any imports, so a
library's own size counts. A warm-up on a file of 1 KB goes before each, so that no library's
loading counts as its speed; what takes below a third of a second is repeated within its process.
Outputs are compared with what had to come, field by field; of files above 5 MB some 5 MB spread
over them.

- **project**: the data processor's transform, with its whole contract, from file to file.
- **floor**: orjson parses and writes blocks of 64 KiB and nothing else; for CSV, csv.reader reads
  and orjson writes each row as an object.
- **unchecked**: the floor, and the shortest loop in Python that renames fields and drops empties.
  It trusts every digit, every line and every name, and adds no metadata.
- **naive**: json or csv over the whole file, a loop over the records.
- **polars**, **duckdb**: lazy and streaming; nulls dropped by a regular expression and by
  json_merge_patch.
- **pandas**, **awswrangler**: in chunks, names and nulls of the top level only; awswrangler reads
  through its own S3 layer from a client in the same process, at no delay.

The inputs are made from a seed: orders with addresses, places and line items (NDJSON, array, gzip),
flat events, and a table of twelve columns; some fields come late, some are empty, many are not
ASCII. Other shapes are measured at {shapes_size} alone, in at most {shapes_rounds} rounds. Tables:
five columns of numbers (narrow), 60 of them (wide), ten of text of which 30 % of the cells are
quoted (text), eight columns in quotes throughout (quoted), and 30 columns three quarters empty
(sparse). JSON lines that cost more: audit events in which a name is spelled `arn` here and `ARN`
there, flat records with one line in 100 cut short, and records three quarters of whose fields are
null. Floor and unchecked leave out a line that is no JSON. A peer that stops stands there with its
error; what the others lose, in the last column; more of it under bad input.
"""

_BYTE_CODE = """\
## Why the archive holds no byte code

Lambda runs Python 3.13, which uses only what Python 3.13 has compiled. `pulumi up` makes the
archive, with Python 3.11, 3.12 or 3.13. If only 3.13 added byte code, the archive would depend on
the machine, and `pulumi up` on the next one would deploy both functions again. If 3.13 were
required, most machines would need a second Python. The last column of "What a cold start costs"
says what is given up.
"""


def write(results: Results, path: Path, chart: Path) -> None:
    """Write the page beside its chart."""
    machine = "\n".join(f"- {name}: {value}" for name, value in results.machine.items())
    gaps = "\n".join(f"- {sentence}" for sentence in speed_gaps(results)) or "Nowhere."
    better = "\n".join(f"- {sentence}" for sentence in better_peers(results)) or "Nowhere."
    parts = [
        "# What the pipeline costs\n",
        _METHOD.format(
            rounds=results.rounds,
            shapes_size=SHAPES_SIZE,
            shapes_rounds=SHAPES_ROUNDS,
        ),
        f"![Speed per CPU second]({chart.name})\n",
        f"## Machine\n\n{machine}\n",
        *(table.markdown() for table in tables(results)),
        _BYTE_CODE,
        f"## Where a speed goal is missed, and why\n\n{gaps}\n",
        f"## Where another engine is better\n\n{better}\n",
    ]
    kept = _kept(path)
    path.write_text("\n".join(parts), encoding="utf-8")
    if kept:
        replace(kept, path, behind=WAYS_TITLE)


def with_row(table: Table, path: Path, *, keys: int) -> Table:
    """Return a table of one row with the others that the page has of it, by so many first cells."""
    (row,) = table.rows
    others = [one for one in _rows(table.title, path) if one[:keys] != list(row[:keys])]
    rows = sorted(
        [*others, row], key=lambda one: [int(cell.replace(",", "")) for cell in one[:keys]]
    )
    return dataclasses.replace(table, rows=rows)


def _kept(path: Path) -> Table | None:
    """Return the table that `run` does not make anew, since it takes hours."""
    rows = _rows(FAN_OUT_TITLE, path)
    return dataclasses.replace(fan_out_table([]), rows=rows) if rows else None


def _rows(title: str, path: Path) -> list[list[str]]:
    """Return the rows of a table of the page; none where there is none."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    found = _section(title).search(page)
    lines = [line for line in found[0].splitlines() if line.startswith("| ")] if found else []
    return [line.strip("| ").split(" | ") for line in lines[1:]]


def replace(table: Table, path: Path, *, behind: str) -> None:
    """Put a table that was measured alone into the page, in its own place or behind another."""
    page = path.read_text(encoding="utf-8")
    own, before = _section(table.title), _section(behind)
    if own.search(page):
        page = own.sub(lambda _: table.markdown() + "\n", page)
    else:
        page = before.sub(lambda found: found[0] + table.markdown() + "\n", page)
    path.write_text(page, encoding="utf-8")


def _section(title: str) -> re.Pattern[str]:
    return re.compile(rf"^## {re.escape(title)}\n.*?(?=^## )", re.MULTILINE | re.DOTALL)
