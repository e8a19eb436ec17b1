"""Files that could exhaust a machine: `python -m tests.handlers.transform.bombs NAME`.

The process limits its own memory, transforms the file, and prints as JSON the result, the bytes
read and written, and its peak memory. The file is generated and never held.
"""

import gzip
import json
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

from handlers.transform.expansion import check_expansion
from handlers.transform.files import transform
from handlers.transform.formats.batch import BadFileError
from handlers.transform.records.encoder import RecordEncoder
from tests.handlers.transform.transformed import TAIL

MIB = 1024 * 1024
MAX_EXPANSION = 500
LINE = 500 * MIB
MILLION = 1_000_000
RECORD = 8 * MIB
BLOCK = b"x" * (64 * 1024)


@dataclass(frozen=True)
class Bomb:
    suffix: str
    blocks: Callable[[], Iterator[bytes]]


def _filled(before: bytes, unit: bytes, total: int, after: bytes) -> Iterator[bytes]:
    """Yield `unit` over and over, `total` bytes of it, between two ends."""
    block = unit * (64 * 1024 // len(unit))
    whole, rest = divmod(total // len(unit) * len(unit), len(block))
    return chain([before], repeat(block, whole), [block[:rest], after])


def _numbered(before: bytes, form: str, count: int, joint: str, after: bytes) -> Iterator[bytes]:
    """Yield `form` filled with each number, between two ends."""
    yield before
    for start in range(0, count, 1000):
        numbers = range(start, min(start + 1000, count))
        yield joint.join(form.format(n) for n in numbers).encode()
        yield joint.encode() if start + 1000 < count else b""
    yield after


def _one_line(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Put a file's blocks between two good lines."""
    return chain([b'{"a":1}\n'], blocks, [b'\n{"a":2}\n'])


def _gzipped(unit: bytes, total: int) -> Iterator[bytes]:
    """Yield members of a gzip file, one after another, in blocks of many members."""
    member = gzip.compress(unit, 9, mtime=0)
    return repeat(member * 64, total // len(unit) // 64)


def _gzip_of(*texts: Iterable[bytes], level: int = 9) -> Iterator[bytes]:
    pack = zlib.compressobj(level, wbits=31)
    yield from (pack.compress(text) for text in chain(*texts))
    yield pack.flush()


def _objects(total: int) -> Iterator[bytes]:
    one = b'{\n  "User Name": "John Doe",\n  "age": null,\n  "tags": [\n    "a"\n  ]\n}\n'
    return repeat(one * 800, total // (800 * len(one)))


def _lines(total: int) -> Iterator[bytes]:
    line = b'{"User Name":"John Doe","email":"john@example.com","age":null,"n":17.5,"tags":["a"]}\n'
    return repeat(line * 700, total // (700 * len(line)))


def _elements(total: int) -> Iterator[bytes]:
    element = (
        b'{"User Name":"John Doe","email":"john@example.com","age":null,"n":17.5,"tags":[1]},\n'
    )
    return chain([b"["], repeat(element * 700, total // (700 * len(element))), [b'{"a":1}]'])


def _rows(total: int) -> Iterator[bytes]:
    row = b'John Doe,john@example.com,,17.5,"a, b",2024-01-15T10:30:00Z\n'
    return chain(
        [b"User Name,email,age,n,tags,at\n"], repeat(row * 1000, total // (1000 * len(row)))
    )


def _sized(kind: Callable[[int], Iterator[bytes]], total: int) -> Callable[[], Iterator[bytes]]:
    return lambda: kind(total)


BOMBS: dict[str, Bomb] = {
    "gzip of 1 GiB of one line": Bomb(".json.gz", lambda: _gzipped(b"x" * MIB, 1024 * MIB)),
    "gzip of 1 GiB of blank lines": Bomb(".json.gz", lambda: _gzipped(b"\n" * MIB, 1024 * MIB)),
    "gzip of 1 GiB of CSV": Bomb(".csv.gz", lambda: _gzipped(b"a" * MIB, 1024 * MIB)),
    "depth of a million": Bomb(
        ".json", lambda: _filled(b'{"a":', b"[", MILLION, b"]" * MILLION + b"}")
    ),
    "depth of a million, never closed": Bomb(
        ".json", lambda: _filled(b'{"a":', b"[", MILLION, b"")
    ),
    "depth of a million in an array": Bomb(
        ".json", lambda: _filled(b'[{"a":1},', b"[", MILLION, b"]" * MILLION + b"]")
    ),
    "depth of a million objects in lines": Bomb(
        ".ndjson", lambda: _one_line(_filled(b"", b'{"a":', 5 * MILLION, b"1" + b"}" * MILLION))
    ),
    "line of 500 MB": Bomb(".ndjson", lambda: _one_line(_filled(b'{"a":"', BLOCK, LINE, b'"}'))),
    "line of 500 MB of brackets": Bomb(
        ".ndjson", lambda: _one_line(_filled(b"", b"[{", LINE, b""))
    ),
    "row of 500 MB": Bomb(
        ".csv", lambda: chain([b"a,b\n1,2\n"], _filled(b"x,", BLOCK, LINE, b"\n3,4\n"))
    ),
    "row of 500 MB of delimiters": Bomb(
        ".csv", lambda: chain([b"a,b\n1,2\n"], _filled(b"", b",", LINE, b"\n3,4\n"))
    ),
    "row of 500 MB in quotes": Bomb(
        ".csv", lambda: chain([b"a,b\n1,2\n"], _filled(b'x,"', b'y""\n', LINE, b'"\n3,4\n'))
    ),
    "quote that never closes": Bomb(
        ".csv", lambda: chain([b"a,b\n1,2\n"], _filled(b'x,"', b"y,z\n", LINE, b""))
    ),
    "quote in the header that never closes": Bomb(
        ".csv", lambda: _filled(b'a,"b', b"y,z\n", LINE, b"")
    ),
    "two quotes 100 MB apart": Bomb(
        ".csv",
        lambda: chain(
            [b'a,b\n1,2\nx,"y\n'],
            _filled(b"", b"3," + b"x" * 97 + b"\n", 100 * MIB, b'z,"w\n5,6\n'),
        ),
    ),
    "quotes 9 MB apart": Bomb(
        ".csv.gz",
        lambda: _gzip_of(
            [b"a,b\n"], repeat(b'x,"y\n' + (b"3," + b"x" * 997 + b"\n") * 9_000, 12), level=0
        ),
    ),
    "quotes and nothing else": Bomb(".csv", lambda: _filled(b"a\n", b'"x\n', 2 * MIB, b"")),
    "quotes and line breaks": Bomb(".csv", lambda: _filled(b'a\n"', b"\n", 9 * MIB, b'"x\n')),
    "quotes and nothing else in a TSV": Bomb(
        ".tsv", lambda: _filled(b"a\n", b'"\n', MIB, b'""x\n')
    ),
    "a quote and nothing else in a TSV": Bomb(
        ".tsv", lambda: _filled(b'a\n"', b"xyz \n", 20 * MIB, b"")
    ),
    "header of 500 MB": Bomb(".csv", lambda: _filled(b"", b"a,", LINE, b"\n1,2\n")),
    "million columns": Bomb(
        ".csv",
        lambda: chain(
            _numbered(b"", "c{}", MILLION, ",", b"\n"),
            _numbered(b"", "{}", MILLION, ",", b"\n"),
            [b"1,2\n"],
        ),
    ),
    "million columns of one name": Bomb(
        ".csv",
        lambda: chain(
            _filled(b"", b"a,", 2 * MILLION, b"a\n"), _filled(b"", b"1,", 2 * MILLION, b"1\n")
        ),
    ),
    "million names in one object": Bomb(
        ".json", lambda: _numbered(b"{", '"{0}":1', MILLION, ",", b"}")
    ),
    "600,000 names over lines": Bomb(
        ".json", lambda: _numbered(b"{\n", '"{0}":1', 600_000, ",", b"\n}")
    ),
    "400,000 names in one object": Bomb(
        ".json", lambda: _numbered(b"{", '"{0}":1', 400_000, ",", b"}")
    ),
    "400,000 names of which two collide": Bomb(
        ".json", lambda: _numbered(b'{"a":1,"A":2,', '"{0}":1', 400_000, ",", b"}")
    ),
    "9,000 names of 60 KB over records": Bomb(
        ".ndjson", lambda: _numbered(b"", '{{"' + "x" * 60_000 + '{0}":1}}', 9_000, "\n", b"\n")
    ),
    "400,000 columns": Bomb(
        ".csv",
        lambda: chain(
            _numbered(b"", "c{}", 400_000, ",", b"\n"), _numbered(b"", "{}", 400_000, ",", b"\n")
        ),
    ),
    "depth of 400,000": Bomb(
        ".json", lambda: _filled(b'{"a":', b"[", 400_000, b"]" * 400_000 + b"}")
    ),
    "million names in an element": Bomb(
        ".json", lambda: _numbered(b"[{", '"{0}":1', MILLION, ",", b"}]")
    ),
    "million names that collide": Bomb(
        ".json", lambda: _filled(b"{", b'"a":1,', 6 * MILLION, b'"a":1}')
    ),
    "300,000 distinct names over records": Bomb(
        ".ndjson",
        lambda: _numbered(b"", '{{"name of a field {0}":{0}}}', 300_000, "\n", b"\n"),
    ),
    "object over lines of 500 MB": Bomb(
        ".json",
        lambda: chain(
            [b'{\n"a":1\n}\n'], _filled(b'{\n"b":"', BLOCK, LINE, b'"\n}\n{\n"a":2\n}\n')
        ),
    ),
    "brackets that open on lines": Bomb(
        ".json", lambda: chain([b'{\n"a":1\n}\n'], _filled(b"", b"{\n", 2 * MIB, b""))
    ),
    "gzip of rows of one byte": Bomb(
        ".csv.gz", lambda: _gzip_of([b"a\n"], repeat(b"1\n" * MIB, 512))
    ),
    "gzip of broken lines": Bomb(".ndjson.gz", lambda: _gzip_of([], repeat(b"{\n" * MIB, 512))),
    "element of 500 MB": Bomb(
        ".json", lambda: _filled(b'[{"a":1},{"b":"', BLOCK, LINE, b'"},{"a":2}]')
    ),
    "element of 500 MB of brackets": Bomb(
        ".json", lambda: _filled(b'[{"a":1},[', b"[],", LINE, b'[]],{"a":2}]')
    ),
    "element of 500 MB that never ends": Bomb(
        ".json", lambda: _filled(b'[{"a":1},{"b":[', b'"\\"",', LINE, b"")
    ),
    "element of 500 MB of one word": Bomb(
        ".json", lambda: _filled(b'[{"a":1},', b"1", LINE, b',{"a":2}]')
    ),
    "record of empty objects": Bomb(
        ".json", lambda: _filled(b'{"a":[', b"{},", RECORD - 64, b"{}]}")
    ),
    "record of empty arrays": Bomb(
        ".json", lambda: _filled(b'{"a":[', b"[],", RECORD - 64, b"[]]}")
    ),
    "record of empty arrays in an array": Bomb(
        ".json", lambda: _filled(b'[{"a":[', b"[],", RECORD - 64, b"[]]},{}]")
    ),
    "record of short numbers": Bomb(
        ".json", lambda: _filled(b'{"a":[', b"0,", RECORD - 64, b"1]}")
    ),
    "record of one long number": Bomb(".json", lambda: _filled(b'{"a":', b"9", RECORD - 64, b"}")),
    "record of one long decimal": Bomb(
        ".json", lambda: _filled(b'{"a":0.', b"9", RECORD - 64, b"e-5}")
    ),
    "record of long numbers": Bomb(
        ".json", lambda: _filled(b'{"a":[', b"12345678901234567890123,", RECORD - 64, b"1]}")
    ),
    "record of escapes": Bomb(".json", lambda: _filled(b'{"a":"', b"\\n", RECORD - 64, b'"}')),
    "record of surrogates": Bomb(
        ".json", lambda: _filled(b'{"a":"', b"\\ud800", RECORD - 64, b'"}')
    ),
    "record of quotes and depth": Bomb(
        ".json",
        lambda: _filled(
            b'{"a":"', b'\\"', RECORD - MIB, b'","b":' + b"[" * 300 + b"]" * 300 + b"}"
        ),
    ),
    "record of names twice": Bomb(".json", lambda: _filled(b"{", b'"":0,', RECORD - 64, b'"":0}')),
    "100 MB of lines": Bomb(".ndjson", _sized(_lines, 100 * MIB)),
    "100 MB array": Bomb(".json", _sized(_elements, 100 * MIB)),
    "100 MB of CSV": Bomb(".csv", _sized(_rows, 100 * MIB)),
    "100 MB of objects over lines": Bomb(".json", _sized(_objects, 100 * MIB)),
    "1 GB of lines": Bomb(".ndjson", _sized(_lines, 1000 * MIB)),
    "1 GB array": Bomb(".json", _sized(_elements, 1000 * MIB)),
    "1 GB of CSV": Bomb(".csv", _sized(_rows, 1000 * MIB)),
}


def _peak_mib() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    # On Linux, ru_maxrss starts at that of the test process, from which this one was forked.
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) // 1024


class _Counted:
    """A bomb's blocks from any offset on, as S3 returns them; counts the bytes of the file."""

    def __init__(self, bomb: Bomb) -> None:
        self.bytes = 0
        self._bomb = bomb

    def __call__(self, offset: int) -> Iterator[bytes]:
        at = 0
        for block in self._bomb.blocks():
            at += len(block)
            self.bytes = max(self.bytes, at)
            if at > offset:
                yield block[max(0, len(block) - (at - offset)) :]


def explode(name: str) -> dict[str, object]:
    """Transform a bomb and return the result."""
    bomb = BOMBS[name]
    before, began = _peak_mib(), time.process_time()
    result: dict[str, object] = {"written": 0, "empty": 0, "rejected": 0, "bytes": 0, "reasons": []}
    reasons: set[str] = set()
    source = _Counted(bomb)
    try:
        for batch in transform(source, bomb.suffix, RecordEncoder(TAIL)):
            result["written"] += batch.written  # type: ignore[operator]
            result["empty"] += batch.empty  # type: ignore[operator]
            result["rejected"] += len(batch.rejects)  # type: ignore[operator]
            result["bytes"] += sum(map(len, batch.lines))  # type: ignore[operator]
            result["bytes"] += sum(len(reject.line()) for reject in batch.rejects)  # type: ignore[operator]
            reasons.update(f"{reject.place}: {reject.reason}" for reject in batch.rejects[:5])
            reasons = set(sorted(reasons)[:5])
            check_expansion(result["bytes"], source_bytes=source.bytes, max_expansion=MAX_EXPANSION)
    except BadFileError as error:
        result["failure"] = str(error)
    result["reasons"] = sorted(reasons)[:5]
    seconds = round(time.process_time() - began, 1)
    result["source_bytes"] = source.bytes
    return result | {"base_mib": before, "peak_mib": _peak_mib(), "cpu_seconds": seconds}


if __name__ == "__main__":
    limit = int(sys.argv[2]) * MIB
    if limit < 0:  # this much more than the interpreter takes
        with open("/proc/self/statm") as statm:  # noqa: PTH123
            limit = int(statm.read().split()[0]) * resource.getpagesize() - limit
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(json.dumps(explode(sys.argv[1])))
