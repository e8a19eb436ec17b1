"""What becomes of an object: names normalised, empties removed. Pure.

Removed from objects, at every depth: null, "", and objects or arrays that are empty or become so.
Kept: 0, false, and whatever stands in an array, where a position carries meaning.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from handlers.transform.records.json_text import MAX_DEPTH, Duplicated, OutOfBoundsError
from handlers.transform.records.names import Names, Shapes, distinct_names

# Beyond any real schema: data that is used as names must not pile up.
_REMEMBERED_NAMES: Final = 10_000
_REMEMBERED_CHARACTERS: Final = 1_000_000
_SCALARS: Final = frozenset({str, int, float, bool, type(None), orjson.Fragment})


class Cleaner:
    """Cleans parsed objects and writes them as JSON, each but for its closing brace."""

    def __init__(self) -> None:
        # Of the last texts, at any depth: fields seen, and those whose name met another's.
        self.fields = 0
        self.renamed = 0
        self._forget()

    def texts(self, records: list[dict[str, Any]]) -> list[bytes]:
        """Return the texts of records. Raises OutOfBoundsError if one is too deep."""
        self._forget_many()
        try:
            return self._known_texts(records)
        except KeyError:
            self._names.learn(records, 1 + MAX_DEPTH)
        return self._known_texts(records)

    def careful_texts(self, records: Sequence[dict[str, Any] | Duplicated]) -> list[bytes]:
        """Return the texts of records that `parse` gave, which may have one name twice.

        Raises OutOfBoundsError if one is too deep.
        """
        self._forget_many()
        self.fields = self.renamed = 0
        return [orjson.dumps(self._clean_any(record, 1))[:-1] for record in records]

    def _forget_many(self) -> None:
        names = self._names
        if len(names.known) > _REMEMBERED_NAMES or names.characters > _REMEMBERED_CHARACTERS:
            self._forget()

    def _forget(self) -> None:
        self._names = Names()
        self._known, self._meeting = self._names.known, self._names.meeting
        self._shapes = Shapes(self._known)

    def _known_texts(self, records: list[dict[str, Any]]) -> list[bytes]:
        """Return the texts of records all names of which are known; else KeyError."""
        self.fields = self.renamed = 0
        clean, dumps = self._clean, orjson.dumps
        return [dumps(clean(record, 1))[:-1] for record in records]

    def _clean(self, fields: dict[str, Any], level: int) -> dict[str, Any]:
        """Return what stays of an object; one loop, since a call costs as much as a field."""
        if level >= MAX_DEPTH:
            _check_deepest(fields, level)
        self.fields += len(fields)
        names = self._known
        if self._meeting and len(self._meeting.intersection(fields)) > 1:
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
        """Return the names of an object of which two may meet; those renamed are counted."""
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
    """Raise OutOfBoundsError for an object that is too deep, or has one in it, be it empty."""
    if level > MAX_DEPTH or any(type(value) in (dict, list) for value in fields.values()):
        raise OutOfBoundsError
