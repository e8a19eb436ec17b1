"""Tests a pattern on many texts at once, by their shapes. Pure.

Characters that a pattern cannot tell apart become one: with `[A-Z]{2}-[0-9]+`, `DE-17` and `FR-80`
both have the shape `AA-00`, and the pattern matches both or neither.
"""

import re
from itertools import filterfalse
from typing import Final

from handlers.transform.datasets.generated import pattern_of
from handlers.transform.datasets.proofs.lines import places_of, unknown_lines

_MOST_KNOWN: Final = 10_000
_PRINTABLE: Final = range(0x20, 0x7F)
_TOKEN = re.compile(
    r"(?P<atom>\[\^?\]?(?:\\.|[^\]\\])*\]|\\[dDwWsS]|\\[^0-9A-Za-z]|[^\\({])"
    r"|(?P<other>\{[0-9]+(?:,[0-9]*)?\}|\{,[0-9]+\}|\(\?:|\((?!\?)|\\[bBAZ])",
    re.DOTALL,
)
_WORD: Final = r"\w"  # what `\b` looks at


class Shapes:
    """Remembers the shapes that match a pattern."""

    def __init__(self, pattern: str) -> None:
        """Raise ValueError for a pattern with parts that look at more than single characters."""
        self._matches = pattern_of(pattern).search
        self._table = _table(pattern)
        self._known = dict[bytes, None]()  # in the order in which they came

    def odd(self, lines: bytes, count: int) -> list[int] | None:
        """Return the places of texts that the pattern may not match; None if that is not known.

        An empty text is one. Each of the `count` texts stands between two line feeds of its own.
        """
        shapes = lines.translate(self._table)
        unknown = unknown_lines(self._known, shapes, count)
        if unknown is None:
            return None
        odd = [*filterfalse(self._is_good, unknown)]
        return places_of(odd, shapes) if odd else []

    def _is_good(self, shape: bytes) -> bool:
        """Return whether the pattern matches texts of a shape; remember it if so."""
        is_good = bool(shape and self._matches(shape.decode()))
        if is_good and len(self._known) < _MOST_KNOWN:
            self._known[shape] = None
        return is_good


def _table(pattern: str) -> bytes:
    """Return a table for `bytes.translate` that makes equal what the pattern cannot tell apart."""
    atoms, at = [_WORD], 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if not token:
            raise ValueError(pattern)
        at = token.end()
        if token["atom"]:
            atoms.append(token["atom"])
    tests = [re.compile(_alone(atom), re.ASCII) for atom in dict.fromkeys(atoms)]
    first: dict[tuple[bool, ...], int] = {}
    table = bytearray(range(256))
    for code in _PRINTABLE:
        kind = tuple(test.fullmatch(chr(code)) is not None for test in tests)
        table[code] = first.setdefault(kind, code)
    return bytes(table)


def _alone(atom: str) -> str:
    return re.escape(atom) if len(atom) == 1 else atom
