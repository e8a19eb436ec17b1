"""Fuzzes with broken and hostile files: `python -m tests.handlers.transform.fuzz --count 1000000`.

Each input is generated from a grammar, encoded, and mutated byte by byte; it depends on the seed
alone. The transform must return the reference's records and rejects, or raise BadFileError if the
reference says that the file fails.
"""

import argparse
import gzip
import json
import random
import resource
import sys
from collections import Counter

import pytest

from handlers.transform.datasets.dataset import Dataset
from handlers.transform.formats.batch import BadFileError
from tests.handlers.transform.datasets.reference import Declared
from tests.handlers.transform.reference import FileFailsError, Outcome, expected
from tests.handlers.transform.transformed import (
    batches_of,
    encoding_of,
    limits,
    outcome_of,
    transformed,
)

MAX_GROWTH_KB = 64 * 1024
SPACES = ("", "", "", "", " ", "  ", "\t", "\r")
WORDS = (
    "a", "A", "b", "user_name", "userName", "User Name", "x", "_metadata", "", "é", "ＵＲＬ",
    "a\\\\", "a:b", 'q\\":', "\\u0061", "1", "a_2", "İ", "ß", "--", "HTTPServer", "a.b",
)  # fmt: skip
STRINGS = (
    "", " ", "x", "a,b", "},{", "]", '\\"', "\\\\", '\\":', "é", "😀", "\\u00e9", "\\ud83d\\ude00",
    "\\ud800", "\\n", "1234567890123456789012", "1e-400", "\udc80", "null", '{\\"a\\":1}',
    '\\\\\\"', "x" * 70, "\x7f", "\x1f", ',\\":', " : ", '\\" :',
)  # fmt: skip
NUMBERS = (
    "0", "-0", "0.0", "-0.0", "1", "-1", "1.5", "1.10", "1e5", "1E5", "1e400", "1e-400", "0e-400",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "18446744073709551615", "18446744073709551616", "123456789012345678901234567890", "0.1",
    "0.12345678901234567890", "0.30000000000000004", "9007199254740993", "9007199254740993.0",
    "9007199254740993e0", "9007199254740993e1", "1234567890123456e3", "0.1000000000000000055",
    "4.9e-324", "2.2250738585072011e-308", "1e-310", "1.7976931348623157e308",
    "3.141592653589793", "100000000000000000000", "1e22", "1e23", "12345678901234567",
    "0.000000000000000000000001", "1.000000000000000000000", "-0.1e-999999999999999999999",
    "5e99999999999999999999",
)  # fmt: skip
ODD = (
    "NaN",
    "Infinity",
    "-Infinity",
    "tru",
    "01",
    "+1",
    ".5",
    "1.",
    "'x'",
    "",
    "undefined",
    "\\",
    "-",
    "nul",
)
CELLS = (
    "", "", "a", "b b", "é", "1", "0", " ", '"', '""', '"x"', '"x,y"', '"x;y"', '"x\ny"',
    '"x\r\ny"', '"a""b"', 'a"b', '"a"b', '"open', "\udc80", "\x00", "null", "x" * 60, '"\r"',
    '" "', '5"',
)  # fmt: skip
INSERTS = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\r", b"\r\n", b" ", b"\t", b"\0",
    b"\xff", b"\xed\xa0\x80", b"NaN", b"null", b"{}", b"[]", b'""', b",,", b"\xef\xbb\xbf",
    b"\x1f\x8b", b"\xff\xfe", b"1e999", b'"a":', b"\\u", b"\\ud800", b"99999999999999999999",
    b"},{", b"]]", b'"\n"', b";", b"|", b"'",
)  # fmt: skip


FALLBACKS = ("cp1252", "latin-1", "cp1251", "shift_jis")


class Grower:
    """Generates one file from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._pick = self.pick = self._random.choice
        self._oddity = self._pick((0.0, 0.0, 0.02, 0.2))

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def between(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def file(self) -> tuple[bytes, str]:
        """Return a file's bytes and its suffix."""
        kinds = ("lines", "lines", "array", "array", "object", "objects", "csv", "csv", "tsv")
        kind = self._pick(kinds)
        text = getattr(self, f"_{kind}")()
        suffix = {"csv": ".csv", "tsv": ".tsv"}.get(kind) or self._pick(
            (".json", ".ndjson", ".jsonl")
        )
        data = self._bent(self._encoded(text)) if self.chance(0.5) else self._encoded(text)
        if self.chance(0.1):
            data = gzip.compress(data, 1, mtime=0)
            if self.chance(0.2):
                data = self._bent(data)
            suffix += self._pick(("", ".gz"))
        elif self.chance(0.01):
            suffix += ".gz"
        return data, suffix if self.chance(0.98) else self._pick((".json", ".csv", ".TSV"))

    def _space(self) -> str:
        return self._pick(SPACES) if self._oddity else ""

    def _value(self, depth: int = 0) -> str:  # noqa: PLR0911 - one return for each kind
        if self.chance(self._oddity / 10):
            return self._pick(ODD)
        kinds = ("null", "true", "false", "number", "number", "string", "string", "object", "list")
        kind = self._pick(kinds if depth < 3 else kinds[:7])
        if kind == "number":
            return self._pick(NUMBERS)
        if kind == "string":
            return f'"{self._string()}"'
        if kind == "object":
            return self._object(depth + 1, line=True)
        if kind == "list":
            members = [self._value(depth + 1) for _ in range(self.between(0, 3))]
            return f"[{self._space()}{','.join(members)}{self._space()}]"
        if depth == 1 and self.chance(0.002):
            return "[" * self.between(195, 202) + "]" * self.between(195, 202)
        if depth == 1 and self.chance(0.002):
            levels = self.between(197, 201)
            return '{"a":' * levels + self._pick(("{}", "[]", "1")) + "}" * levels
        return kind

    def _string(self) -> str:
        return self._pick(STRINGS if self._oddity else STRINGS[:13])

    def _object(self, depth: int = 0, *, line: bool = False) -> str:
        space = self._space if line or self.chance(0.5) else lambda: self._pick(("\n", " ", ""))
        fields = [
            f'{space()}"{self._pick(WORDS)}"{self._space()}:{space()}{self._value(depth)}{space()}'
            for _ in range(self.between(0, 4))
        ]
        return "{" + ",".join(fields) + space() + "}"

    def _record(self) -> str:
        return self._value() if self.chance(self._oddity) else self._object(line=True)

    def _lines(self) -> str:
        ends = self._pick((("\n",), ("\r\n",), ("\n", "\n\n", "\r\n", " \n")))
        lines = [self._record() + self._pick(ends) for _ in range(self.between(0, 6))]
        if self.chance(0.05):
            lines[:0] = [
                self._pick(("[]", "[1]", "[ ]", "[[],{}]", '["{"]', "[")) + self._pick(ends)
            ]
        text = "".join(lines)
        return text if self.chance(0.5) else text.rstrip("\r\n")

    def _objects(self) -> str:
        """Return objects as `jq .` writes them, sometimes with other text between them."""
        indent = self._pick((1, 2, None))
        between = ("\n",) * 4 + ((" \n\n", "\n{}\n", "\nlog\n", "", ",\n") if self._oddity else ())
        texts: list[str] = []
        for _ in range(self.between(1, 5)):
            try:
                texts.append(json.dumps(json.loads(self._object()), indent=indent))
            except ValueError:
                texts.append(self._object())
            texts.append(self._pick(between))
        return "".join(texts)

    def _array(self) -> str:
        blank = self._pick(("", "", "\n", " \n  "))
        members = (f",{blank}").join(self._record() for _ in range(self.between(0, 6)))
        return f"{self._space()}[{blank}{members}{blank}]{self._space()}"

    def _csv(self) -> str:
        return self._table(self._pick(",,;\t|"))

    def _tsv(self) -> str:
        return self._table("\t")

    def _table(self, delimiter: str) -> str:
        width, end = self.between(1, 4), self._pick(("\n", "\r\n", "\r"))
        header = [
            self._pick(WORDS) if self.chance(0.9) else self._pick(CELLS) for _ in range(width)
        ]
        rows = [delimiter.join(header)]
        for _ in range(self.between(0, 6)):
            if self.chance(self._oddity / 4):
                width += self._pick((-1, 1))
            cells = CELLS if self._oddity else CELLS[:16]
            rows.append(delimiter.join(self._pick(cells) for _ in range(width)))
        return end.join(rows) + self._pick(("", end, end + end))

    def _encoded(self, text: str) -> bytes:
        plain = text.encode(errors="surrogateescape")
        if self.chance(0.9):
            return plain
        if self.chance(0.4):
            return text.encode(self._pick(FALLBACKS), errors="ignore")
        if self.chance(0.5):
            return b"\xef\xbb\xbf" + plain
        encoding, mark = self._pick((("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")))
        return mark + text.encode(encoding, errors="surrogatepass")

    def declaration(self) -> dict:
        """Return the declaration of a dataset that some of the records meet."""
        names = ("a", "b", "user_name", "x", "url", "field", "metadata", "1", "a_b", "a_2")
        kinds = ("string", "string", "integer", "number", "boolean", "object", "array")
        chosen = self._random.sample(names, self.between(1, 3))
        properties = {name: {"type": self._pick(kinds)} for name in chosen}
        if self.chance(0.3):
            properties[chosen[0]] = {"type": "string", "pattern": self._pick(("^.?$", "[a-z]"))}
        schema = {"type": "object", "properties": properties}
        if self.chance(0.2):
            schema["required"] = chosen[:1]
        free = [name for name in names if name not in chosen]
        csv = {"delimiter": self._pick(",;\t|")} if self.chance(0.2) else {}
        csv |= {"encoding": self._pick(FALLBACKS[:3])} if self.chance(0.1) else {}
        csv |= {"header": chosen} if self.chance(0.1) else {}
        return {
            "prefix": "x/",
            "schema": schema,
            "csv": csv,
            "unknownFields": self._pick(("keep", "keep", "reject", "rescue")),
            "drop": free[: self._pick((0, 0, 1, 2))],
        }

    def _bent(self, data: bytes) -> bytes:
        for _ in range(self.between(1, 3)):
            at = self.between(0, len(data))
            end = min(len(data), at + self.between(1, 8))
            other = self.between(0, len(data))
            data = self._pick((
                data[:at] + self._pick(INSERTS) + data[at:],
                data[:at] + data[end:],
                data[:at] + bytes([self.between(0, 255)]) + data[at + 1 :],
                data[:other] + data[at:end] + data[other:],
                data[:at],
                data[:at] + data[at:end][::-1] + data[end:],
            ))  # fmt: skip
        return data


def check(seed: int) -> str:
    """Compare the transform with the reference on one input; return how the file ended.

    Raises AssertionError if the two differ, and any exception of the transform.
    """
    grower = Grower(seed)
    data, suffix = grower.file()
    sizes: list[int] = [] if grower.chance(0.6) else [grower.between(1, 9), grower.between(1, 40)]
    block, record, parts = 64 * 1024, 8 * 1024 * 1024, 500_000
    if grower.chance(0.5):
        block, record = grower.between(8, 80), grower.between(24, 160)
        parts = record  # blocks of more bytes are not parsed at once, whatever the limit
    if grower.chance(0.1):
        parts = grower.between(4, 20)
    fallback = grower.pick(("", "", *FALLBACKS[:3]))
    declaration = grower.declaration() if grower.chance(0.4) else None
    dataset = Dataset.read("fuzz", declaration) if declaration else None
    with limits(block=block, record=record, parts=parts):
        try:
            encoding = encoding_of(data, suffix, fallback, *sizes)
            wanted = expected(data, suffix, fallback, declaration and Declared(declaration))
        except FileFailsError as failure:
            return _check_failure(data, suffix, sizes, failure, encoding=encoding, dataset=dataset)
        actual = transformed(data, suffix, *sizes, encoding=encoding, dataset=dataset)
        limited = (block, record, parts, declaration)
        assert actual == wanted, (data, suffix, sizes, fallback, limited, actual, wanted)
        for place, broken in actual.broken.items():
            assert broken in wanted.broken[place], (data, suffix, declaration, place, broken)
        if grower.chance(0.1):
            check_resuming(data, suffix, sizes, encoding, dataset)
    return "some rejected" if wanted.rejects else "records" if wanted.records else "no records"


def _check_failure(
    data: bytes,
    suffix: str,
    sizes: list[int],
    failure: FileFailsError,
    *,
    encoding: str,
    dataset: Dataset | None,
) -> str:
    with pytest.raises(BadFileError) as caught:
        transformed(data, suffix, *sizes, encoding=encoding, dataset=dataset)
    place = caught.value.place
    assert not failure.place or place == failure.place, (data, suffix, sizes, place, failure.place)
    return "file fails"


def check_resuming(
    data: bytes,
    suffix: str,
    sizes: list[int],
    encoding: str = "",
    dataset: Dataset | None = None,
) -> None:
    """Check that reading from after each batch gives what the first run gave after it."""
    batches = batches_of(data, suffix, *sizes, encoding=encoding, dataset=dataset)
    for done in range(1, len(batches) + 1):
        after = batches[done - 1].after
        rest = outcome_of(
            batches_of(data, suffix, *sizes, start=after, encoding=encoding, dataset=dataset)
        )
        wanted: Outcome = outcome_of(batches[done:])
        assert rest == wanted, (data, suffix, sizes, batches[done - 1].after)


def fuzz(count: int, first_seed: int = 0) -> Counter[str]:
    """Check `count` inputs; return how many ended in each way."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ends = Counter(check(seed) for seed in range(first_seed, first_seed + count))
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert growth < MAX_GROWTH_KB, f"memory grew by {growth} KiB over {count} inputs"
    return ends


def main() -> int:
    """Check `--count` inputs; print each failure and the totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    ends: Counter[str] = Counter()
    failed = 0
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        try:
            ends[check(seed)] += 1
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - any exception is a finding
            failed += 1
            if failed <= 10:
                print(f"seed {seed}: {type(error).__name__}: {error}"[:2000])
    print(", ".join(f"{count} {end}" for end, count in sorted(ends.items())))
    print(f"{arguments.count} inputs, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
