"""Cleans objects: normalises field names and removes empty fields. Pure.

Removed from objects, at every depth: null, "", and objects or arrays that are empty or become so.
Kept: 0, false, and every element of an array, since its position has a meaning.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import orjson

from handlers.transform.records.json_text import MAX_DEPTH, Duplicated, OutOfBoundsError
from handlers.transform.records.names import Names, Shapes, distinct_names

# More than any real schema has. Data used as field names must not fill the memory.
_REMEMBERED_NAMES: Final = 10_000
_REMEMBERED_CHARACTERS: Final = 1_000_000
_Cleaned = TypeVar("_Cleaned")
_SCALARS: Final = frozenset({str, int, float, bool, type(None), orjson.Fragment})


class Cleaner:
    """Cleans parsed objects and encodes them as JSON, each without its closing brace."""

    def __init__(self) -> None:
        # Counts of the last call, at any depth: fields seen, and fields renamed.
        self.fields = 0
        self.renamed = 0
        self._forget()

    def texts(self, records: list[dict[str, Any]]) -> list[bytes]:
        """Return records as JSON, cleaned. Raises OutOfBoundsError if one nests too deep."""
        return self._with_known_names(self._known_texts, records)

    def cleaned(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return records, cleaned. Raises OutOfBoundsError if one nests too deep."""
        return self._with_known_names(self._known_records, records)

    def careful(self, record: dict[str, Any] | Duplicated) -> dict[str, Any]:
        """Return a record from `parse`, cleaned. Its objects may have a name twice.

        Raises OutOfBoundsError if it nests too deep.
        """
        self._forget_many()
        self.fields = self.renamed = 0
        return self._clean_any(record, 1)

    def _with_known_names(
        self, clean: Callable[[list[dict[str, Any]]], _Cleaned], records: list[dict[str, Any]]
    ) -> _Cleaned:
        self._forget_many()
        try:
            return clean(records)
        except KeyError:
            self._names.learn(records, 1 + MAX_DEPTH)
        return clean(records)

    def _forget_many(self) -> None:
        names = self._names
        if len(names.known) > _REMEMBERED_NAMES or names.characters > _REMEMBERED_CHARACTERS:
            self._forget()

    def _forget(self) -> None:
        self._names = Names()
        self._known, self._colliding = self._names.known, self._names.colliding
        self._shapes = Shapes(self._known)

    def _known_texts(self, records: list[dict[str, Any]]) -> list[bytes]:
        """Return records as JSON, cleaned. Raises KeyError if a name is not known yet."""
        self.fields = self.renamed = 0
        clean, dumps = self._clean, orjson.dumps
        return [dumps(clean(record, 1))[:-1] for record in records]

    def _known_records(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return records, cleaned. Raises KeyError if a name is not known yet."""
        self.fields = self.renamed = 0
        clean = self._clean
        return [clean(record, 1) for record in records]

    def _clean(self, fields: dict[str, Any], level: int) -> dict[str, Any]:
        """Return an object, cleaned. One loop, since a call costs as much as a field."""
        if level >= MAX_DEPTH:
            _check_deepest(fields, level)
        self.fields += len(fields)
        names = self._known
        if self._colliding and len(self._colliding.intersection(fields)) > 1:
            names = self._distinct(fields)
        cleaned: dict[str, Any] = {}
        for name, value in fields.items():
            new, kept = names[name], value
            if value:
                kind = type(value)  # pyright: ignore[reportUnknownVariableType]
                if kind is dict:
                    kept = self._clean(value, level + 1)
                    if not kept:
                        continue
                elif kind is list:
                    kept = self._clean_elements(value, level + 1)
            elif value != 0:
                continue
            cleaned[new] = kept
        return cleaned

    def _clean_elements(self, elements: list[Any], level: int) -> list[Any]:
        if level > MAX_DEPTH:
            raise OutOfBoundsError
        kept = elements.copy()
        for at, element in enumerate(elements):
            kind = type(element)  # pyright: ignore[reportUnknownVariableType]
            if kind is dict:
                kept[at] = self._clean(element, level + 1)
            elif kind is list:
                kept[at] = self._clean_elements(element, level + 1)
        return kept

    def _distinct(self, fields: dict[str, Any]) -> dict[str, str]:
        """Return distinct names for an object in which two may collide; count the renamed."""
        names, renamed = self._shapes[tuple(fields)]
        self.renamed += renamed
        return names

    def _clean_any(self, value: "dict[str, Any] | list[Any] | Duplicated", level: int) -> Any:
        if level > MAX_DEPTH:
            raise OutOfBoundsError
        if type(value) is list:
            return [v if type(v) in _SCALARS else self._clean_any(v, level + 1) for v in value]
        self.fields += len(value)
        pairs: list[tuple[str, Any]] = list(value.items() if isinstance(value, dict) else value)
        raw = [name for name, _ in pairs]
        names, renamed = distinct_names(raw, self._names.of(raw))
        self.renamed += renamed
        cleaned: dict[str, Any] = {}
        for name, (_, field) in zip(names, pairs, strict=True):
            kept = field if type(field) in _SCALARS else self._clean_any(field, level + 1)
            if kept or kept == 0:
                cleaned[name] = kept
        return cleaned


def _check_deepest(fields: dict[str, Any], level: int) -> None:
    """Raise OutOfBoundsError if an object is too deep, or holds an object or array that is."""
    if level > MAX_DEPTH or any(type(value) in (dict, list) for value in fields.values()):
        raise OutOfBoundsError
