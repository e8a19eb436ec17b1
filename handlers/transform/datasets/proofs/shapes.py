"""Tests a pattern on many texts at once, by their shapes. Pure.

Characters that a pattern cannot tell apart become one: with `[A-Z]{2}-[0-9]+`, `DE-17` and `FR-80`
both have the shape `AA-00`, and the pattern matches both or neither.
"""

import re
from typing import Final

from handlers.transform.datasets.generated import pattern_of
from handlers.transform.datasets.proofs.lines import are_among, cut

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

    def match(self, lines: bytes, count: int) -> bool:
        """Return whether the pattern surely matches `count` texts, none of them empty.

        Each text stands between two line feeds of its own.
        """
        shapes, known = lines.translate(self._table), self._known
        if are_among(known, shapes, count):
            return True
        new = [shape for shape in dict.fromkeys(cut(shapes, count)) if shape not in known]
        if not new or not all(shape and self._matches(shape.decode()) for shape in new):
            return False
        if len(known) < _MOST_KNOWN:
            known |= dict.fromkeys(new)
        return True


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
