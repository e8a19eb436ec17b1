"""What is measured: the project's transform, the floor below it, and the naive way.

An engine reads the file at `path` and writes its records to `output` as lines of JSON.
"""

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any, Final, cast

import orjson

from bench.cleaning import METADATA, cleaned, snake_case

Engine = Callable[[Path, str, Path], None]

PROJECT: Final = "project"
FLOOR: Final = "floor"
UNCHECKED: Final = "unchecked"
PEERS: Final = ("polars", "duckdb", "pandas", "awswrangler")
OTHERS: Final = ("naive", *PEERS)  # what does the same work, or tries to
NAMES: Final = (PROJECT, FLOOR, UNCHECKED, *OTHERS)
_BLOCK_BYTES: Final = 64 * 1024


def load(name: str) -> Engine:
    """Return an engine by its name; its libraries are imported here, not before."""
    own: dict[str, Engine] = {
        PROJECT: run_project,
        FLOOR: run_floor,
        UNCHECKED: run_unchecked,
        "naive": run_naive,
    }
    return own.get(name) or getattr(import_module("bench.peers"), f"run_{name}")


def run_project(path: Path, suffix: str, output: Path) -> None:
    """Run the transform as the data processor does, on a file instead of S3."""
    from handlers.transform.files import transform  # noqa: PLC0415
    from handlers.transform.records.encoder import RecordEncoder, metadata_tail  # noqa: PLC0415

    tail = metadata_tail(
        processed_at=datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
        environment=METADATA["environment"],
        processor_version=METADATA["processor_version"],
    )
    with output.open("wb") as out:
        for batch in transform(lambda at: _blocks(path, at), suffix, RecordEncoder(tail)):
            out.writelines(batch.lines)


def _blocks(path: Path, offset: int = 0) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while block := file.read(_BLOCK_BYTES):
            yield block


def run_floor(path: Path, suffix: str, output: Path) -> None:
    """Parse and write the same blocks, and nothing else: no names, empties, checks, metadata.

    A line that is no JSON is left out.
    """
    with output.open("wb") as out:
        if suffix == ".csv":
            out.writelines(_csv_floor(path))
        else:
            out.writelines(map(orjson.dumps, _blocks_of_records(path, suffix)))


def run_unchecked(path: Path, suffix: str, output: Path) -> None:
    """Do the floor's work, and rename fields and drop empties in the shortest loop of Python.

    The names are known before; digits, lines and colliding names are not looked at, and there is no
    metadata. What the project takes beyond it is what its checks take.
    """
    names = _Names()
    if suffix == ".csv":
        with output.open("wb") as out, path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = [names[name] for name in next(rows)]
            for row in rows:
                record = {name: cell for name, cell in zip(header, row, strict=False) if cell}
                out.write(orjson.dumps(record) + b"\n")
        return
    with output.open("wb") as out:
        for records in _blocks_of_records(path, suffix):
            out.write(orjson.dumps([_shortest(names, each) for each in records]))


class _Names(dict[str, str]):
    def __missing__(self, name: str) -> str:
        self[name] = snake_case(name)
        return self[name]


def _shortest(names: dict[str, str], fields: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        kind, new = type(value), value  # pyright: ignore[reportUnknownVariableType]
        if not value:
            if value != 0:
                continue
        elif kind is dict:
            new = _shortest(names, value)
            if not new:
                continue
        elif kind is list and type(value[0]) is dict:
            new = [_shortest(names, element) for element in value]
        kept[names[name]] = new
    return kept


def _blocks_of_records(path: Path, suffix: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the records of each block."""
    if suffix == ".json":
        return map(orjson.loads, _elements(path))
    return _lines(_unpacked(path) if suffix.endswith(".gz") else _blocks(path))


def _lines(blocks: Iterator[bytes]) -> Iterator[list[dict[str, Any]]]:
    rest = b""
    for block in blocks:
        lines, _, rest = (rest + block).rpartition(b"\n")
        if not lines:
            continue
        try:
            yield orjson.loads(b"[" + lines.replace(b"\n", b",") + b"]")
        except orjson.JSONDecodeError:
            yield list(_valid(lines.split(b"\n")))


def _valid(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with suppress(orjson.JSONDecodeError):
            yield orjson.loads(line)


def _elements(path: Path) -> Iterator[bytes]:
    """Cut where an order ends, which only a reader who knows this file can do so cheaply."""
    blocks = _blocks(path)
    rest = next(blocks)[1:]
    for block in chain(blocks, [b""]):
        elements, mark, rest = (
            (rest + block).rpartition(b',{"orderId"') if block else (rest, b"", b"")
        )
        rest = mark[1:] + rest
        if elements:
            yield b"[" + elements.removesuffix(b"]") + b"]"


def _unpacked(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _csv_floor(path: Path) -> Iterator[bytes]:
    """Let csv.reader read and orjson write each row as an object: the least that gives JSON."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        names = next(rows)
        lines: list[bytes] = []
        for row in rows:
            lines.append(orjson.dumps(dict(zip(names, row, strict=True))))
            if len(lines) == 500:
                yield b"\n".join(lines)
                lines.clear()
        yield b"\n".join(lines)


def run_naive(path: Path, suffix: str, output: Path) -> None:
    """Read the whole file with json or csv, go over the records, write them all at once."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if suffix.endswith(".gz") else raw).decode()
    records: list[dict[str, Any]]
    if suffix == ".csv":
        records = list(csv.DictReader(StringIO(text, newline="")))
    elif suffix == ".json":
        value = json.loads(text)
        records = cast("list[dict[str, Any]]", value if isinstance(value, list) else [value])
    else:
        records = [json.loads(line) for line in text.split("\n") if line]
    lines = [
        json.dumps(cleaned(record) | {"_metadata": METADATA}, ensure_ascii=False)
        for record in records
    ]
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")
