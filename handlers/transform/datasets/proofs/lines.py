"""Proofs that all lines of a text are among known ones, by operations on the whole text. Pure.

Each line stands between two line feeds of its own, so that equal neighbours share none.
"""

from collections.abc import Collection
from typing import Final

# Known lines to count in the whole text. To cut it and hash each line takes as long as to count
# some five, measured, and most often the first few known lines are all there are.
_FEW: Final = 6


def are_among(known: Collection[bytes], lines: bytes, count: int) -> bool:
    """Return whether a text is surely `count` lines, each of them known and not empty.

    The fastest if most lines are the first that is known. No known line has a line feed. A line
    that has one looks like several: then those that are found do not make up the whole text.
    """
    if len(known) > _FEW:
        texts = cut(lines, count)
        return bool(texts) and not {*texts}.difference(known)
    found = length = 0
    for text in filter(None, known):
        times = lines.count(b"\n%b\n" % text)
        found += times
        length += times * (len(text) + 2)
        if found == count:
            break
    return found == count and length == len(lines)


def cut(lines: bytes, count: int) -> list[bytes]:
    """Return the lines of a text, each alone; none unless it is surely `count` lines."""
    if lines.count(b"\n") != 2 * count:
        return []
    return lines[1:-1].split(b"\n\n")
