"""What sample records hold: of each field, how often, of which types, and with which values. Pure.

Memory does not grow with the number of records: of the values, a few texts are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from handlers.transform.datasets.formats import FORMATS
from handlers.transform.datasets.schemas import MAX_INTEGER, MIN_INTEGER

# An enum of a draft has at most so many texts, none of them longer than this.
MAX_VALUES: Final = 20
_VALUE_CHARACTERS: Final = 60
# Of an object within a record, and of a record itself; what comes later is not declared.
MAX_FIELDS: Final = 100
MAX_ROOT_FIELDS: Final = 1_000
# Below this level an object's fields are not looked at; a checked schema nests 16 levels.
_MAX_LEVELS: Final = 8
_KINDS: Final[Mapping[type, str]] = {
    str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array",
    type(None): "null",
}  # fmt: skip
# A bank card's number: https://www.iso.org/standard/70484.html
_CARD: Final = re.compile(r"[0-9](?:[ -]?[0-9]){12,18}")
_TWO_DIGITS: Final = 9

# Returns the types, besides string, that a cell of a delimited file can be read as.
CellTypes = Callable[[str], frozenset[str]]


@dataclass(slots=True)
class Seen:
    """What was seen in one place of the records: in a field, or in an array's elements.

    Attributes:
        count: how many values there were.
        kinds: how many of them had each JSON type; cells of delimited files are not among these.
        cells: how many of them were cells.
        readable: how many of the cells could be read as each type besides string.
        texts: how often each text was there; None once there are too many different ones.
        formats: the formats that each text has.
        is_card: whether each text or number is one of a bank card.
        fields: what was seen of each field of the objects; None where they are not told apart.
        items: what was seen of the elements of the arrays.
    """

    count: int = 0
    kinds: dict[str, int] = field(default_factory=dict[str, int])
    cells: int = 0
    readable: dict[str, int] = field(default_factory=dict[str, int])
    texts: dict[str, int] | None = field(default_factory=dict[str, int])
    formats: tuple[str, ...] = tuple(FORMATS)
    is_card: bool = True
    fields: dict[str, Seen] | None = field(default_factory=dict[str, "Seen"])
    items: Seen | None = None

    def add(self, value: Any, level: int = 0) -> None:
        """Add a JSON value that was seen."""
        self.count += 1
        kind = _kind(value)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == "string":
            self._add_text(value)
        elif kind == "object":
            self._add_fields(value, level)
        elif kind == "array":
            self._add_items(value, level)
        if self.is_card and kind != "null":
            self.is_card = type(value) in (str, int) and is_card_number(str(value))

    def add_cell(self, text: str, cell_types: CellTypes) -> None:
        """Add a cell of a delimited file that is not empty."""
        self.count += 1
        self.cells += 1
        for kind in cell_types(text):
            self.readable[kind] = self.readable.get(kind, 0) + 1
        if self.formats or self.texts is not None:
            self._add_text(text)
        if self.is_card:
            self.is_card = is_card_number(text)

    def add_row(self, cells: Mapping[str, str], cell_types: CellTypes) -> None:
        """Add a record of a delimited file: its cells that are not empty, by their names."""
        self.count += 1
        self.kinds["object"] = self.kinds.get("object", 0) + 1
        for name, cell in cells.items():
            if seen := self._named(name, MAX_ROOT_FIELDS):
                seen.add_cell(cell, cell_types)

    def _named(self, name: str, most: int) -> Seen | None:
        """Return what was seen of a field, to add to; None if it is one too many."""
        if self.fields is None:
            return None
        seen = self.fields.get(name)
        if seen is None and len(self.fields) < most:
            seen = self.fields[name] = Seen()  # made where it is missing alone: cells are many
        return seen

    def _add_fields(self, value: Any, level: int) -> None:
        most = MAX_FIELDS if level else MAX_ROOT_FIELDS
        for name, inner in cast("dict[str, Any]", value).items():
            if seen := self._named(name, most):
                seen.add(inner, level + 1)
        # Names beyond the most are data used as names, ids say: no field of such an object counts.
        if level and (level >= _MAX_LEVELS or len(self.fields or ()) >= most):
            self.fields = None

    def _add_items(self, value: Any, level: int) -> None:
        if level >= _MAX_LEVELS:
            return
        self.items = self.items or Seen()
        for inner in cast("list[Any]", value):
            self.items.add(inner, level + 1)

    def _add_text(self, text: str) -> None:
        if self.formats:
            self.formats = tuple(name for name in self.formats if FORMATS[name](text))
        if self.texts is None:
            return
        if len(text) > _VALUE_CHARACTERS or not text.isprintable():
            self.texts = None
            return
        self.texts[text] = self.texts.get(text, 0) + 1
        if len(self.texts) > MAX_VALUES:
            self.texts = None


def _kind(value: Any) -> str:
    """Return the type of a JSON value; a whole number beyond 64 bits is no integer of a dataset."""
    is_beyond = type(value) is int and not MIN_INTEGER <= value <= MAX_INTEGER
    return "number" if is_beyond else _KINDS[type(value)]


def is_card_number(text: str) -> bool:
    """Return whether a text can be the number of a bank card, by its length and its check digit.

    One in ten of random numbers of that length can.
    """
    if not _CARD.fullmatch(text):
        return False
    digits = [int(char) for char in text if char.isdigit()]
    doubled = (2 * digit for digit in digits[-2::-2])
    total = sum(digits[-1::-2]) + sum(
        it - _TWO_DIGITS if it > _TWO_DIGITS else it for it in doubled
    )
    return total % 10 == 0
