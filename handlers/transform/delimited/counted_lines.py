"""Finds rows of delimited text by their number. Pure."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from handlers.transform.delimited.rows import BREAKS


class CountedLines:
    """Lines for a csv.reader; counts how much of them it has taken."""

    def __init__(self, text: str) -> None:
        self._lines = iter(StringIO(text, newline=""))
        self.taken = 0
        self.count = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.taken += len(line)
        self.count += 1
        return line


def find_rows(text: bytes, delimiter: str, wanted: Sequence[int]) -> Iterator[tuple[bytes, int]]:
    """Yield some rows of whole, unbroken rows: the text, and how many lines come before.

    `wanted` are their ascending indexes, which count no blank lines.
    """
    if (lines := _plain_lines(text, wanted[-1])) is not None:
        for number in wanted:
            yield lines[number].rstrip(BREAKS), number
        return
    decoded = text.decode()
    counted = CountedLines(decoded)
    reader, number, last = csv.reader(counted, delimiter=delimiter, strict=True), 0, wanted[-1]
    indexes = frozenset(wanted)
    while number <= last:
        begin, before = counted.taken, counted.count
        row = next(reader)
        if not row:
            continue  # a blank line
        if number in indexes:
            yield decoded[begin : counted.taken].encode().rstrip(BREAKS), before
        number += 1


def _plain_lines(text: bytes, last: int) -> list[bytes] | None:
    """Return the first lines of a text, up to the index `last`, if each is a row.

    Returns None if some may be blank, or a part of one.
    """
    has_returns = b"\r" in text
    if b'"' in text or (has_returns and text.count(b"\r") != text.count(b"\r\n")):
        return None
    lines = text.split(b"\n", last + 1)[: last + 1]
    return None if b"" in lines or (has_returns and b"\r" in lines) else lines
