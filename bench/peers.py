# pyright: basic, reportMissingImports=false, reportMissingTypeStubs=false
# ruff: noqa: PLC0415, S608 - only a peer's own run pays for its import; no query is anybody's input
"""The peers, each in its fastest way to the same work that its documentation offers.

Each is told to keep text as text where it can be told. What it still gets wrong is named by
`bench.differences`. They are installed for the bench alone and imported only by their own run.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from bench.cleaning import METADATA, snake_case

_CHUNK_ROWS = 10_000
_TAIL = b',"_metadata":' + orjson.dumps(METADATA) + b"}"
# A quote inside a string is escaped, so that these match fields only.
_EMPTY = r'(?:null|""|\{\}|\[\])'
_LATER_FIELD = rf',"[^"\\]+":{_EMPTY}'
_FIRST_FIELD = rf'\{{"[^"\\]+":{_EMPTY},?'


def run_polars(path: Path, suffix: str, output: Path) -> None:
    """Lazy and streaming; of an array polars has only the whole in memory."""
    import polars as pl

    def renamed(field: Any, kind: Any) -> Any:
        if isinstance(kind, pl.Struct):
            inner = (
                renamed(field.struct.field(part.name), part.dtype).alias(snake_case(part.name))
                for part in kind.fields
            )
            return pl.struct(*inner)
        if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
            return field.list.eval(renamed(pl.element(), kind.inner))
        return field

    if suffix == ".csv":
        frame = pl.scan_csv(path, infer_schema=False)
    elif suffix == ".json":
        frame = pl.read_json(path, infer_schema_length=None).lazy()  # else it stops at a late key
    else:
        frame = pl.scan_ndjson(path)
    fields = [
        renamed(pl.col(name), kind).alias(snake_case(name))
        for name, kind in frame.collect_schema().items()
    ]
    line = (
        pl.struct(*fields)
        .struct.json_encode()
        .str.replace_all(_LATER_FIELD, "")
        .str.replace_all(_FIRST_FIELD, "{")
        .str.strip_suffix("}")
    )
    whole = pl.concat_str(line, pl.lit(_TAIL.decode())).alias("line")
    frame.select(whole).sink_csv(output, include_header=False, quote_style="never")


def run_duckdb(path: Path, suffix: str, output: Path) -> None:
    """One COPY; json_merge_patch drops null members at every depth (RFC 7396)."""
    import duckdb

    connection = duckdb.connect()
    name = str(path).replace("'", "''")
    if suffix == ".csv":
        table = f"read_csv('{name}', all_varchar=true, header=true)"
    else:
        form = "array" if suffix == ".json" else "newline_delimited"
        table = f"read_json('{name}', format='{form}')"
        described = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
        columns = ", ".join(
            f"{_literal(column)}: {_literal(_text(kind))}" for column, kind, *_ in described
        )
        table = f"read_json('{name}', format='{form}', columns={{{columns}}})"
    relation = connection.sql(f"SELECT * FROM {table}")
    pairs = zip(relation.columns, relation.types, strict=True)
    fields = ", ".join(
        f"{_quoted(snake_case(column))} := {_expression(_quoted(column), kind, 0)}"
        for column, kind in pairs
    )
    metadata = ", ".join(f"{key} := {_literal(value)}" for key, value in METADATA.items())
    record = f"struct_pack({fields}, _metadata := struct_pack({metadata}))"
    connection.execute(
        f"COPY (SELECT json_merge_patch('{{}}', to_json({record})) FROM {table}) TO "
        f"'{output}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
    )


def _expression(value: str, kind: Any, level: int) -> str:
    """Return the SQL of a value with the names below it changed and "" made null."""
    if kind.id == "struct":
        parts = ", ".join(
            f"{_quoted(snake_case(name))} := {_expression(f'{value}.{_quoted(name)}', part, level)}"
            for name, part in kind.children
        )
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({parts}) END"
    if kind.id == "list" and kind.children[0][1].id == "struct":
        element = f"e{level}"
        inner = _expression(element, kind.children[0][1], level + 1)
        return f"list_transform({value}, lambda {element}: {inner})"
    if kind.id == "list":
        return f"CASE WHEN len({value}) = 0 THEN NULL ELSE {value} END"
    return f"nullif({value}, '')" if kind.id == "varchar" else value


def _text(kind: str) -> str:
    """Return a type with text where DuckDB took text for a date or an id."""
    return re.sub(r"\b(TIMESTAMP(?: WITH TIME ZONE)?|DATE|TIME|UUID)\b", "VARCHAR", kind)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def run_pandas(path: Path, suffix: str, output: Path) -> None:
    """In chunks where pandas has them; names and nulls of the top level only."""
    import pandas as pd

    if suffix == ".csv":
        frames = pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=_CHUNK_ROWS)
    elif suffix == ".json":
        frames = [pd.read_json(path, dtype=False, convert_dates=False, precise_float=True)]
    else:
        frames = pd.read_json(
            path,
            lines=True,
            dtype=False,
            convert_dates=False,
            precise_float=True,
            chunksize=_CHUNK_ROWS,
        )
    _write_frames(frames, output)


def _write_frames(frames: Iterable[Any], output: Path) -> None:
    with output.open("wb") as out:
        for frame in frames:
            frame.columns = [snake_case(str(name)) for name in frame.columns]
            for record in frame.to_dict("records"):
                kept = {
                    name: value
                    for name, value in record.items()
                    if value is not None and value == value and value not in ("", [], {})  # noqa: PLR0124 - NaN
                }
                out.write(
                    orjson.dumps(kept, option=orjson.OPT_SERIALIZE_NUMPY)[:-1] + _TAIL + b"\n"
                )


def run_awswrangler(path: Path, suffix: str, output: Path) -> None:
    """Read through its S3 layer, whose client serves the file from this machine at no delay."""
    import awswrangler as wr

    from bench.s3 import FakeS3

    class Session:
        region_name = "eu-central-1"

        def client(self, *_: object, **__: object) -> Any:
            return s3

    s3: Any = FakeS3(output.parent)
    s3.add_file("bench", path.name, path)
    where: dict[str, Any] = {"path": [f"s3://bench/{path.name}"], "boto3_session": Session()}
    if suffix == ".csv":
        frames = wr.s3.read_csv(dtype=str, keep_default_na=False, chunksize=_CHUNK_ROWS, **where)
    elif suffix == ".json":
        frames = [
            wr.s3.read_json(
                lines=False,
                orient="records",
                dtype=False,
                convert_dates=False,
                precise_float=True,
                **where,
            )
        ]
    else:
        frames = wr.s3.read_json(
            lines=True,
            dtype=False,
            convert_dates=False,
            precise_float=True,
            chunksize=_CHUNK_ROWS,
            **where,
        )
    _write_frames(frames, output)
