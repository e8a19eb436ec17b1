"""Takes the fields that a dataset drops out of parsed records, before they are cleaned. Pure.

A field is dropped if its normalised name is: with `card_number` go `Card Number` and `cardNumber`.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from handlers.transform.records.json_text import MAX_DEPTH, Duplicated, OutOfBoundsError
from handlers.transform.records.names import normalize_name

_REMEMBERED_NAMES: Final = 10_000  # data used as field names must not fill the memory

Fields = dict[str, Any] | Duplicated


class Dropper:
    """Drops fields of objects."""

    def __init__(self, paths: Sequence[str]) -> None:
        """`paths` have normalised names, as `customer.card_number`; they go through arrays."""
        self.names = frozenset(path for path in paths if "." not in path)
        nested = [path.split(".", 1) for path in paths if "." in path]
        self._nested = {
            parent: Dropper([rest for name, rest in nested if name == parent])
            for parent, _ in nested
        }
        self._others: set[str] = set()  # raw names that are no part of a path

    def drop(self, fields: Fields, level: int = 1) -> tuple[Fields, int]:
        """Return an object without its dropped fields, and how many fields it held less.

        The object is not changed; `level` is how deep it is nested. Raises OutOfBoundsError if a
        dropped field nests too deep.
        """
        others = self._others
        if isinstance(fields, dict):
            touched = [name for name in fields if name not in others and self._touches(name)]
            return self._drop_names(fields, touched, level) if touched else (fields, 0)
        kept, count = Duplicated(), 0
        for name, value in fields:
            rest, dropped = self.drop({name: value}, level)
            kept += rest.items() if isinstance(rest, dict) else rest
            count += dropped
        return kept, count

    def _touches(self, name: str) -> bool:
        normalized = normalize_name(name)
        if normalized in self.names or normalized in self._nested:
            return True
        if len(self._others) >= _REMEMBERED_NAMES:
            self._others.clear()
        self._others.add(name)
        return False

    def _drop_names(
        self, fields: dict[str, Any], names: list[str], level: int
    ) -> tuple[dict[str, Any], int]:
        kept, count = fields.copy(), 0
        for name in names:
            normalized = normalize_name(name)
            if normalized in self.names:
                count += 1 + _count(kept.pop(name), level + 1)
            else:
                kept[name], dropped = self._nested[normalized].within(kept[name], level + 1)
                count += dropped
        return kept, count

    def within(self, value: Any, level: int) -> tuple[Any, int]:
        """Return a value without the dropped fields of its objects, and how many they held less."""
        if isinstance(value, dict | Duplicated):
            return self.drop(cast("Fields", value), level)
        if not isinstance(value, list):
            return value, 0
        if level > MAX_DEPTH:
            raise OutOfBoundsError
        kept = [self.within(element, level + 1) for element in cast("list[Any]", value)]
        return [element for element, _ in kept], sum(count for _, count in kept)


def _count(value: Any, level: int) -> int:
    """Return how many fields a value holds; raise OutOfBoundsError if it nests too deep."""
    if not isinstance(value, dict | list):
        return 0
    if level > MAX_DEPTH:
        raise OutOfBoundsError
    if isinstance(value, Duplicated):
        return len(value) + sum(_count(field, level + 1) for _, field in value)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return len(fields) + sum(_count(field, level + 1) for field in fields.values())
    return sum(_count(element, level + 1) for element in cast("list[Any]", value))
