"""The OpenX SerDe reads outputs, by the columns of their dataset, to the values that DuckDB reads.

The SerDe is the fork that is published; its own list of what the original does otherwise is in
Trino (lib/trino-hive-formats/…/openxjson/README.md), on which Athena is built.
"""

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from handlers.bundles import entries
from handlers.transform.datasets.dataset import Dataset
from handlers.transform.files import record_encoder, transform
from handlers.transform.records.encoder import metadata_tail
from infra.datasets import files
from infra.datasets.columns import METADATA, RESCUED, columns
from tests.serde.conftest import Read, run

pytestmark = pytest.mark.java

ROOT = Path(__file__).parents[2]
UNPACK = Path(__file__).parent / "Unpack.java"
NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
LARGEST, SMALLEST = 2**63 - 1, -(2**63)
INTEGER, NUMBER, TEXT = ({"type": it} for it in ("integer", "number", "string"))
DATASET = Dataset.read(
    "all_types",
    {
        "prefix": "examples/all_types/",
        "unknownFields": "rescue",
        "schema": {
            "type": "object",
            "properties": {
                "order": TEXT,
                "placed": {"type": "string", "format": "date-time"},
                "total": NUMBER,
                "items": {"type": ["integer", "null"]},
                "paid": {"type": "boolean"},
                "tags": {"type": "array", "items": TEXT},
                "amounts": {"type": "array", "items": NUMBER},
                "anything": {"type": "object"},
                "list_of_anything": {"type": "array"},
                "customer": {
                    "type": "object",
                    "properties": {
                        "name": TEXT,
                        "age": INTEGER,
                        "address": {"type": "object", "properties": {"zip": TEXT, "lat": NUMBER}},
                    },
                },
                "lines": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"sku": TEXT, "count": INTEGER}},
                },
            },
        },
    },
)
# JSON text, of which each reader writes the numbers in its own way.
OF_JSON = {"anything", "list_of_anything", RESCUED}
SOURCE = b"""\
{"order":"AB-1","placed":"2024-01-15T10:00:00Z","total":12.50,"items":3,"paid":true}
{"order":"AB-2","total":1e3,"items":0,"paid":false,"tags":["a","b"],"amounts":[1,2.5,-1e-3]}
{"order":"Z\xc3\xbcrich \xf0\x9f\x98\x80 \\" \\\\\\n \\u0000\xe2\x80\xa8","tags":["\xe4\xba\xac"]}
{"order":"007","total":5,"items":9223372036854775807}
{"order":"1e3","total":-0.5,"items":-9223372036854775808}
{"order":"true","total":1.7976931348623157e308,"anything":{"b":2,"a":{"c":[1,null,"x"]}}}
{"order":"only"}
{"order":"whole","items":1.0,"total":7}
{"order":"nested","customer":{"name":"Ada","age":36,"address":{"zip":"01234","lat":47.5}}}
{"order":"half","customer":{"age":9007199254740993}}
{"order":"lines","lines":[{"sku":"a","count":1},{"count":2},{"sku":"c"}]}
{"order":"listed","list_of_anything":[1,"two",{"three":3.5}],"amounts":[0.1234567890123456789]}
"""
# What becomes of fields that the dataset does not name.
RESCUED_FIELDS = {"user_name": "x", "deep": {"n": [1, True]}, "text": 'é " \\'}
GIVEN = [
    *map(json.loads, SOURCE.splitlines()),
    {"order": "rescued", RESCUED: RESCUED_FIELDS},
]
CSV = b"""\
order,placed,status,total,items,paid,card_number
AB-1,2024-01-15T10:00:00Z,new,12.50,3,true,4111
AB-2,,paid,1e3,9223372036854775807,FALSE,4111
AB-3,,,0,,,
"""
OF_CSV = [
    {
        "order": "AB-1",
        "placed": "2024-01-15T10:00:00Z",
        "status": "new",
        "total": 12.5,
        "items": 3,
        "paid": True,
    },
    {"order": "AB-2", "status": "paid", "total": 1000.0, "items": LARGEST, "paid": False},
    {"order": "AB-3", "total": 0.0},
]


def write(file: Path, dataset: Dataset, content: bytes, kind: str) -> None:
    """Write an output as the processor does, gzipped if the file's name says so."""
    tail = metadata_tail(processed_at=NOW, environment="dev", processor_version="1")
    encoder = record_encoder(tail, dataset)
    batches = [*transform(lambda offset: iter([content[offset:]]), kind, encoder)]
    assert [reject for batch in batches for reject in batch.rejects] == []
    lines = b"".join(line for batch in batches for line in batch.lines)
    file.write_bytes(gzip.compress(lines) if file.suffix == ".gz" else lines)


@pytest.fixture(scope="module", params=[".json", ".json.gz"], ids=["plain", "gzip"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an output of the dataset of all types."""
    folder = tmp_path_factory.mktemp("outputs")
    unnamed = json.dumps({"order": "rescued", **RESCUED_FIELDS}).encode()
    write(folder / f"orders{request.param}", DATASET, SOURCE + unnamed, ".ndjson")
    return folder


def test_the_serde_reads_what_duckdb_reads(serde: Read, folder: Path):
    held = columns(DATASET)
    read, expected = (
        {row["order"]: typed(parsed(row)) for row in rows}
        for rows in (serde(folder, held), in_duckdb(folder, held))
    )

    assert read.keys() == {record["order"] for record in GIVEN}
    assert read == expected
    # Each column holds something at least once, and lacks a value at least once.
    for name in set(held) - {"order", METADATA}:
        missing = [row[name] == typed(None) for row in read.values()]
        assert any(missing), name
        assert not all(missing), name


def test_the_values_are_those_of_the_source(serde: Read, folder: Path):
    rows = {row["order"]: row for row in serde(folder, columns(DATASET))}
    metadata = rows["only"][METADATA]
    assert (metadata["environment"], metadata["processed_at"][:10]) == ("dev", "2024-01-15")
    for record in GIVEN:
        row = parsed(rows[record["order"]])
        for name, value in record.items():
            assert without_nulls(row[name]) == value, (record["order"], name)
    assert type(rows["AB-2"]["total"]) is float
    assert type(rows["007"]["items"]) is int


def test_hives_own_serde_reads_the_same_but_for_json_text(hive: Read, serde: Read, folder: Path):
    """What AWS names as the way out, should OpenX's ever be wrong.

    https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
    It takes no object or array for a column of text.
    """
    held = {name: kind for name, kind in columns(DATASET).items() if name not in OF_JSON}

    read, expected = (
        {row["order"]: typed(row) for row in reader(folder, held)} for reader in (hive, serde)
    )
    assert len(read) == len(GIVEN)
    assert read == expected


def test_the_cells_of_the_example_are_read_by_their_types(serde: Read, tmp_path: Path):
    orders = Dataset.read("orders", files.load("datasets", ROOT)["orders"])
    write(tmp_path / "orders.json", orders, CSV, ".csv")
    held = columns(orders)

    read = serde(tmp_path, held)

    assert typed(read) == typed(in_duckdb(tmp_path, held))
    expected = [{**dict.fromkeys(held), **record} for record in OF_CSV]
    assert typed([{**row, METADATA: None} for row in read]) == typed(expected)


def test_it_sees_folders_within_but_nothing_hidden(serde: Read, tmp_path: Path):
    (tmp_path / "a.json").write_text('{"n":1}\n{"n":2}\n')
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.json.gz").write_bytes(gzip.compress(b'{"n":3}\n'))
    (tmp_path / "empty.json").touch()
    for hidden in ("_c.json", ".d.json"):
        (tmp_path / hidden).write_text('{"n":4}\n')
    (tmp_path / "_hidden").mkdir()
    (tmp_path / "_hidden" / "e.json").write_text('{"n":5}\n')

    assert sorted(row["n"] for row in serde(tmp_path, {"n": "bigint"})) == [1, 2, 3]


def test_it_reads_a_bundle_whole(serde: Read, tmp_path: Path):
    """Many members of gzip, every second one empty, with its description in the extra field.

    Trino, on which Athena is built, unpacks by the JDK's GZIPInputStream, over a stream that is
    never said to be at its end (aircompressor's JdkGzipHadoopInputStream). It calls itself for each
    empty member in a row, so that tens of thousands of empty outputs would exhaust its stack.
    """
    bodies = [b'{"n":%d}\n' % n if n % 3 else b"" for n in range(3_000)]
    bodies += [b""] * 1_000 + [b'{"n":3001}\n{"n":3002}\n']
    bundle = b""
    for place, body in enumerate(bodies):
        is_gzip = place % 5 == 0
        bundle += entries.pack(
            gzip.compress(body) if is_gzip else body,
            key=f"processed/2024/01/15/a/{place:06d}.json{'.gz' if is_gzip else ''}",
            etag='"1"',
            modified=NOW,
            headers={"ContentType": "application/x-ndjson"},
            metadata={"source-version": "v" * (place % 700)},
            tags={},
            offset=len(bundle),
        )[1]
    (tmp_path / "000001.json.gz").write_bytes(bundle)
    expected = [n for n in range(3_000) if n % 3] + [3001, 3002]

    assert [row["n"] for row in serde(tmp_path, {"n": "bigint"})] == expected
    assert [row["n"] for row in in_duckdb(tmp_path, {"n": "bigint"})] == expected
    unpacked = run("java", str(UNPACK), str(tmp_path / "000001.json.gz"))
    assert unpacked.encode() == b"".join(bodies)


# The type of a column, a value as JSON, and what the SerDe makes of it.
FACTS: list[tuple[str, str, Any]] = [
    ("bigint", "1", 1),
    ("bigint", str(LARGEST), LARGEST),
    ("bigint", str(SMALLEST), SMALLEST),
    # Integers to JSON Schema. The original SerDe fails on them; this fork, as Trino, does not.
    ("bigint", "1.0", 1),
    ("bigint", "1e2", 100),
    ("bigint", "-0", 0),
    # Of an output that is older than its dataset.
    ("bigint", '"12"', 12),
    ("double", '"12.50"', 12.5),
    ("bigint", "1.5", 1),
    ("boolean", '"true"', True),
    ("boolean", '"yes"', False),
    ("boolean", "1", False),
    ("boolean", "{}", False),
    ("array<bigint>", "1", [1]),
    ("array<bigint>", '""', []),
    ("struct<a:bigint>", "[1]", {"a": 1}),
    ("struct<a:bigint>", '""', {"a": None}),
    ("double", "12.50", 12.5),
    ("double", "1e3", 1000.0),
    ("double", "5", 5.0),
    ("double", "4.9e-324", 5e-324),
    ("double", "0.1234567890123456789", 0.12345678901234568),
    ("boolean", "false", False),
    ("string", '"007"', "007"),
    ("string", '""', ""),
    # A value that is no text becomes its JSON text: compact, its numbers written anew.
    ("string", '{"b": 1, "a": [true, null, "x"]}', '{"b":1,"a":[true,null,"x"]}'),
    ("string", "[1.0, 1e3, 2.5]", "[1,1000,2.5]"),
    ("string", "5", "5"),
    ("array<bigint>", "[1, null, 3]", [1, None, 3]),
    ("array<bigint>", "[]", []),
    ("struct<a:bigint,b:string>", '{"b": "x", "c": 1}', {"a": None, "b": "x"}),
    ("struct<a:bigint>", "{}", {"a": None}),
    *((kind, "null", None) for kind in ("bigint", "double", "boolean", "string", "array<bigint>")),
]


def test_what_the_serde_makes_of_each_type(serde: Read, tmp_path: Path):
    held = {f"c{place}": kind for place, (kind, _, _) in enumerate(FACTS)}
    values = (f'"c{place}":{value}' for place, (_, value, _) in enumerate(FACTS))
    (tmp_path / "a.json").write_text(f"{{{','.join(values)}}}\n{{}}\n")

    full, empty = serde(tmp_path, held)

    read = [(kind, value, full[f"c{place}"]) for place, (kind, value, _) in enumerate(FACTS)]
    assert [(*it[:2], typed(it[2])) for it in read] == [(*it[:2], typed(it[2])) for it in FACTS]
    assert set(empty.values()) == {None}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bigint", '"abc"'),
        ("bigint", "true"),
        ("bigint", "[1]"),
        ("double", '""'),
        ("double", "{}"),
        ("array<bigint>", '["x"]'),
        ("struct<a:bigint>", '"x"'),
        ("struct<a:bigint>", "1"),
    ],
)
def test_what_the_serde_fails_on(serde: Read, tmp_path: Path, kind: str, value: str):
    """docs/consumers.md says so."""
    (tmp_path / "a.json").write_text(f'{{"c":{value}}}\n')

    with pytest.raises(AssertionError, match=r"Exception|Error"):
        serde(tmp_path, {"c": kind})


def in_duckdb(folder: Path, held: Mapping[str, str]) -> list[dict[str, Any]]:
    types = {name: duckdb_type(kind) for name, kind in held.items()}
    found = duckdb.sql(
        f"SELECT * FROM read_json('{folder}/*', format='newline_delimited', columns={types})"  # noqa: S608
    )
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def duckdb_type(kind: str) -> str:
    """Return DuckDB's name of a Glue type."""
    outer, _, inner = kind.removesuffix(">").partition("<")
    match outer:
        case "array":
            return f"{duckdb_type(inner)}[]"
        case "struct":
            fields = (field.partition(":") for field in fields_of(inner))
            return f"STRUCT({', '.join(f'{name} {duckdb_type(it)}' for name, _, it in fields)})"
        case "string":
            return "VARCHAR"
        case _:
            return outer.upper()


def fields_of(inner: str) -> list[str]:
    """Return the fields of a struct, which stand between the commas that are in no bracket."""
    fields, depth = [""], 0
    for character in inner:
        depth += (character == "<") - (character == ">")
        if character == "," and not depth:
            fields.append("")
        else:
            fields[-1] += character
    return fields


def parsed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its columns of JSON text read."""
    return {
        name: json.loads(value) if name in OF_JSON and value is not None else value
        for name, value in row.items()
    }


def typed(value: Any) -> Any:
    """Return a value with the types of its numbers, which Python else compares across."""
    if isinstance(value, dict):
        return {name: typed(it) for name, it in value.items()}
    if isinstance(value, list):
        return [typed(it) for it in value]
    return (type(value).__name__, value)


def without_nulls(value: Any) -> Any:
    """Return a struct without the fields that it lacks."""
    if isinstance(value, dict):
        return {name: without_nulls(it) for name, it in value.items() if it is not None}
    return [without_nulls(it) for it in value] if isinstance(value, list) else value
