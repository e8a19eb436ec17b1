"""Proofs that all texts of a column meet their schema, by operations on the whole column. Pure.

A proof may fail for a good column, and never holds for a bad one, or for one with an empty text.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from handlers.transform.datasets.proofs.lines import are_among
from handlers.transform.datasets.proofs.moments import odd_date_times, odd_dates
from handlers.transform.datasets.proofs.shapes import Shapes

_PAIR: Final = 2  # values to count in the whole text; for more, hashing is faster, measured
_HEX: Final = "[0-9a-fA-F]"
_UUID: Final = f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$"


class Texts:
    """The texts of a column: strings, or UTF-8 that is escaped as in a JSON string."""

    def __init__(self, values: list[str] | list[bytes]) -> None:
        """There is at least one."""
        self.values = values
        self.are_escaped = isinstance(values[0], bytes)
        self._lines: bytes | None = None

    def lines(self) -> bytes:
        """Return the texts as UTF-8, each between two line feeds; a text may hold some, too."""
        if self._lines is None:
            if self.are_escaped:
                joined = b"\n\n".join(cast("list[bytes]", self.values))
            else:
                joined = "\n\n".join(cast("list[str]", self.values)).encode()
            self._lines = b"\n%b\n" % joined
        return self._lines

    def may_have_escapes(self) -> bool:
        """Return whether some text may not be written as it is."""
        return self.are_escaped and b"\\" in self.lines()


# Where the values are that are not proved: nowhere, at some places, or None if that is not known.
Places = list[int] | None
Proof = Callable[[Texts], Places]


def text_proofs(schema: Mapping[str, Any]) -> list[Proof] | None:
    """Return the proofs that texts meet a plain schema; None if a keyword has no proof."""
    proofs = [_PROOFS[key](value) for key, value in schema.items() if key in _PROOFS]
    if None in proofs or not schema.keys() <= {"type", *_PROOFS}:
        return None
    return [proof for proof in proofs if proof]


def _enum(values: list[Any]) -> Proof:
    allowed = frozenset(value for value in values if isinstance(value, str))
    encoded = frozenset(text.encode() for text in allowed)
    plain = frozenset(text for text in encoded if text and b"\\" not in text)
    countable = len(allowed) <= _PAIR and "\n" not in "".join(allowed)

    def odd_texts(texts: Texts) -> Places:
        if countable and are_among(
            plain if texts.are_escaped else encoded, texts.lines(), len(texts.values)
        ):
            return []
        values: list[Any] = texts.values
        known = plain if texts.are_escaped else allowed
        if not countable and known.issuperset(values):
            return []
        return [at for at, value in enumerate(values) if value not in known]

    return odd_texts


def _const(value: Any) -> Proof:
    return _enum([value])


def _min_length(least: float) -> Proof:
    """Count bytes, if they are the characters."""
    return _whole(
        lambda texts: (
            texts.lines().isascii()
            and not texts.may_have_escapes()
            and min(map(len, texts.values)) >= max(least, 1)
        )
    )


def _max_length(most: float) -> Proof:
    """Count bytes, of which a text has as many as characters, or more."""
    return _whole(lambda texts: max(map(len, texts.values)) <= most and all(texts.values))


def _pattern(pattern: str) -> Proof | None:
    try:
        shapes = Shapes(pattern)
    except ValueError:
        return None
    return lambda texts: (
        None if texts.may_have_escapes() else shapes.odd(texts.lines(), len(texts.values))
    )


def _format(name: str) -> Proof | None:
    if name == "date":
        return lambda texts: odd_dates(texts.lines(), len(texts.values))
    if name == "date-time":
        return lambda texts: odd_date_times(texts.lines(), len(texts.values))
    return _pattern(_UUID) if name == "uuid" else None


def _whole(are_good: Callable[[Texts], bool]) -> Proof:
    """Return the proof of all texts together, which names none."""
    return lambda texts: [] if are_good(texts) else None


_PROOFS: Final[dict[str, Callable[[Any], Proof | None]]] = {
    "enum": _enum,
    "const": _const,
    "minLength": _min_length,
    "maxLength": _max_length,
    "pattern": _pattern,
    "format": _format,
}
