"""The kinds of file that the proofs deliver, each with what must become of it."""

import gzip
import json
from dataclasses import dataclass
from typing import Any

from handlers import __version__


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """A file and its outcome, written down by hand or by a loop: never by the handlers."""

    name: str
    key: str
    body: bytes
    records: tuple[dict[str, Any], ...] = ()
    rejects: tuple[tuple[str, int, str], ...] = ()  # row or line, its number, its raw text
    empty: int = 0
    failure: str = ""  # a part of the reason, if the file is a dead letter
    compressed: bool = False
    fallback: str | None = None  # the setting
    encoding: str = ""  # what the file is read as by it
    ticks: int = 10**9  # looks at the clock before the time is over

    @property
    def large(self) -> bool:
        return self.name.startswith("large")

    @property
    def total(self) -> int:
        return len(self.records) + len(self.rejects) + self.empty


def read_output(body: bytes) -> tuple[list[Any], list[Any]]:
    """Return the records of an output, their `_metadata` taken off, and those metadata."""
    text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    assert not text or text.endswith(b"\n")
    records = [json.loads(line) for line in text.splitlines()]
    assert all(list(record)[-1] == "_metadata" for record in records)
    return records, [record.pop("_metadata") for record in records]


def output_bytes(kind: Kind, processed_at: str) -> bytes:
    """Return the text of the right output, to the byte."""
    metadata = {
        "processed_at": processed_at,
        "environment": "test",
        "processor_version": __version__,
    }
    return b"".join(
        json.dumps(
            record | {"_metadata": metadata}, separators=(",", ":"), ensure_ascii=False
        ).encode()
        + b"\n"
        for record in kind.records
    )


def _lines(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


_LARGE = [{"id": number, "name": f"name {number:03d}"} for number in range(24)]
_LARGE_CSV = b"id,name\n" + b"".join(b"%d,n%d\n" % (n, n) for n in range(58))
_LARGE_ROWS = tuple({"id": str(n), "name": f"n{n}"} for n in range(58))
# Not UTF-8 only far behind the first chunks.
_LATE = tuple({"id": str(n), "name": f"n{n}" + "é" * (n > 55)} for n in range(60))
_LATE_CSV = "id,name\n" + "".join(f"{one['id']},{one['name']}\n" for one in _LATE)
_SPOILT = [*(json.dumps(one) for one in _LARGE[:12]), "{broken", *map(json.dumps, _LARGE[12:])]

KINDS = (
    Kind(
        name="object",
        key="incoming/a b/user+1.json",
        body=b'{"User Name": "John", "Email Address": "j@example.com", "Age": null}',
        records=({"user_name": "John", "email_address": "j@example.com"},),
    ),
    Kind(
        name="array",
        key="incoming/array.json",
        body=b'[{"a": 1}, {"b": ""}, {"c": [1, null]}]',
        records=({"a": 1}, {"c": [1, None]}),
        empty=1,
    ),
    Kind(
        name="lines",
        key="incoming/x/lines.ndjson",
        body=b'{"a":1}\n{"a":2}\n\n{"a":3}',
        records=({"a": 1}, {"a": 2}, {"a": 3}),
    ),
    Kind(
        name="csv",
        key="incoming/x/sales.CSV",
        body=b"First Name;Age\nJohn;30\nJane;\n",
        records=({"first_name": "John", "age": "30"}, {"first_name": "Jane"}),
    ),
    Kind(
        name="gzip",
        key="incoming/sales.tsv.gz",
        body=gzip.compress(b"a\tb\n1\t2\n", mtime=0),
        records=({"a": "1", "b": "2"},),
    ),
    Kind(
        name="rejects",
        key="incoming/rejects.csv",
        body=b"a,b\n" + b"1,2\n" * 19 + b"3\n",
        records=({"a": "1", "b": "2"},) * 19,
        rejects=(("line", 21, "3"),),
    ),
    Kind(name="empty", key="incoming/empty.json", body=b""),
    Kind(name="header", key="incoming/header.csv", body=b"a,b\n"),
    Kind(
        name="compressed",
        key="incoming/packed.json",
        body=b'{"a": 1}',
        records=({"a": 1},),
        compressed=True,
    ),
    Kind(name="large", key="incoming/large.json", body=_lines(_LARGE), records=tuple(_LARGE)),
    Kind(
        name="large cut",
        key="incoming/large.csv",
        body=_LARGE_CSV,
        records=_LARGE_ROWS,
        ticks=8,
    ),
    Kind(
        name="large rejects",
        key="incoming/large.jsonl",
        body="\n".join(_SPOILT).encode(),
        records=tuple(_LARGE),
        rejects=(("line", 13, "{broken"),),
    ),
    Kind(
        name="large packed",
        key="incoming/large.ndjson.gz",
        body=gzip.compress(_lines(_LARGE), mtime=0),
        records=tuple(_LARGE),
        compressed=True,
        ticks=7,
    ),
    Kind(
        name="fallback",
        key="incoming/cafés.csv",
        body="name\ncafé\n".encode("cp1252"),
        records=({"name": "café"},),
        fallback="cp1252",
        encoding="cp1252",
    ),
    Kind(
        name="large fallback",
        key="incoming/large late.csv",
        body=_LATE_CSV.encode("cp1252"),
        records=_LATE,
        fallback="cp1252",
        encoding="cp1252",
        ticks=16,
    ),
    Kind(name="broken", key="incoming/broken.json", body=b'[{"a": 1},', failure="array"),
    Kind(
        name="large broken",
        key="incoming/large broken.json",
        body=b"[" + b",".join(json.dumps(one).encode() for one in _LARGE) + b",",
        failure="array",
    ),
    Kind(
        name="too many rejects",
        key="incoming/bad.ndjson",
        body=b'{"a":1}\nnothing\n',
        failure="1 of 2 records are bad",
    ),
    Kind(name="unknown suffix", key="incoming/x.pdf", body=b"%PDF", failure="unknown suffix"),
)
BY_NAME = {kind.name: kind for kind in KINDS}
