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
    found = length = 0
    for text in filter(None, known):
        times = lines.count(b"\n%b\n" % text)
        found += times
        length += times * (len(text) + 2)
        if found == count:
            break
    return found == count and length == len(lines)


def unknown_lines(known: Collection[bytes], lines: bytes, count: int) -> list[bytes] | None:
    """Return the lines of a text that are not known, each once, as they come.

    The fastest if most lines are the first that is known. No known line is empty or has a line
    feed. Returns None if the text is not surely `count` lines.
    """
    rest, found = lines, 0
    for text in known if len(known) <= _FEW else ():
        line = b"\n%b\n" % text
        before, rest = len(rest), rest.replace(line, b"")
        found += (before - len(rest)) // len(line)
        if not rest:
            return [] if found == count else None
    if rest.count(b"\n") != 2 * (count - found):
        return None
    return [text for text in dict.fromkeys(_cut(rest)) if text not in known]


def places_of(texts: Collection[bytes], lines: bytes) -> list[int]:
    """Return the places of some lines in a text; no line of it has a line feed."""
    if b"" in texts or len(texts) > _FEW:
        known = {*texts}
        return [at for at, text in enumerate(_cut(lines)) if text in known]
    places = list[int]()
    for line in [b"\n%b\n" % text for text in texts]:
        passed = 0
        for before in lines.split(line)[:-1]:
            passed += before.count(b"\n") // 2
            places.append(passed)
            passed += 1
    return sorted(places)


def _cut(lines: bytes) -> list[bytes]:
    return lines[1:-1].split(b"\n\n")
