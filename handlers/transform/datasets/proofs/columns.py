"""Proofs that all values of a column meet their schema, by operations on the whole column. Pure.

A proof may fail for a good column, and never holds for a bad one. It names the values that it did
not prove, if it can. Those are checked one by one, by the functions that fastjsonschema generates.
"""

import operator
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final, cast

import orjson

from handlers.transform.datasets.dataset import declared_kind
from handlers.transform.datasets.proofs.lines import are_among
from handlers.transform.datasets.proofs.texts import Places, Proof, Texts, text_proofs

ValuesProof = Callable[[list[Any]], Places]
# Of cells as `RowBlockEncoder` has them; an empty one is not proved.
CellsProof = Callable[[list[bytes]], Places]

_FEWEST: Final = 4  # values to prove at once; fewer are checked one by one
# By keyword, the number of a column that is the first to be beyond a bound, and what beyond means.
_BOUNDS: Final[dict[str, tuple[Callable[..., Any], Callable[[Any, Any], bool]]]] = {
    "minimum": (min, operator.lt),
    "maximum": (max, operator.gt),
    "exclusiveMinimum": (min, operator.le),
    "exclusiveMaximum": (max, operator.ge),
}
_BOOLEANS: Final = frozenset({b"true", b"false"})
# What a number is made of: digits and points, a minus; all else, an exponent as well, is `x`.
_PARTS: Final = {**dict.fromkeys(b"0123456789.", b"0"), ord("-"): b"-", ord(","): b","}
_SHAPES: Final = b"".join(_PARTS.get(code, b"x") for code in range(256))
_LONG: Final = b"0" * 17  # more than a double surely holds
_LARGEST: Final = 10**17  # so no such cell has this value, or its negative


def never(_: list[Any]) -> Places:
    """Prove nothing, so that each value is checked."""
    return None


def unproved(values: list[Any], prove: ValuesProof, begin: int = 0) -> list[int]:
    """Return the places of values that are not proved, where the proof of all names none.

    `begin` is the place of the first. What is proved is left out, half by half.
    """
    if prove is never or len(values) <= _FEWEST:
        return [*range(begin, begin + len(values))]
    half = len(values) // 2
    places = _half_unproved(values[:half], prove, begin)
    if not places:
        return unproved(values[half:], prove, begin + half)
    return places + _half_unproved(values[half:], prove, begin + half)


def _half_unproved(values: list[Any], prove: ValuesProof, begin: int) -> list[int]:
    places = prove(values)
    if places is None:
        return unproved(values, prove, begin)
    return [begin + at for at in places]


def values_proof(schema: Mapping[str, Any]) -> ValuesProof:
    """Return the proof of parsed JSON values, none of them null, for a plain schema."""
    return _MAKERS[declared_kind(schema)](schema)


def cells_proof(schema: Mapping[str, Any]) -> CellsProof | None:
    """Return the proof of cells, none of them empty, for a plain schema; None if any will do."""
    kind = declared_kind(schema)
    if kind == "boolean":
        return _odd_booleans if _has_only(schema) else never
    if kind in ("integer", "number"):
        return _number_cells(schema, is_integer=kind == "integer")
    proofs = text_proofs(schema) if kind == "string" else None
    if proofs == []:
        return None

    return _all_texts(proofs) if proofs else never


def _all_texts(proofs: list[Proof]) -> Callable[[list[Any]], Places]:
    def odd_texts(values: list[Any]) -> Places:
        texts, places = Texts(values), set[int]()
        for prove in proofs:
            found = prove(texts)
            if found is None:
                return None
            places.update(found)
        return sorted(places)

    return odd_texts if len(proofs) != 1 else lambda values: proofs[0](Texts(values))


def _odd_booleans(cells: list[bytes]) -> Places:
    """Return the places of cells that are no booleans as JSON writes them."""
    if are_among(_BOOLEANS, Texts(cells).lines(), len(cells)):
        return []
    return [at for at, cell in enumerate(cells) if cell not in _BOOLEANS]


def _has_only(schema: Mapping[str, Any], *keywords: str) -> bool:
    return schema.keys() <= {"type", *keywords}


def _number_cells(schema: Mapping[str, Any], *, is_integer: bool) -> CellsProof:
    if not _has_only(schema, *_BOUNDS):
        return never
    bounds = {
        key: schema[key] for key in _BOUNDS if key in schema and not _is_far(key, schema[key])
    }
    least = bounds.get("minimum", 0)
    beyond = _beyond(bounds)
    above = _beyond({key: bound for key, bound in bounds.items() if key != "minimum"})

    def odd_numbers(cells: list[bytes]) -> Places:
        joined = b",".join(cells)
        shapes = joined.translate(_SHAPES)
        is_signed = b"-" in shapes
        if b"x" in shapes or _LONG in shapes:
            return None
        if is_integer and (b"." in joined or (is_signed and b"-0" in joined)):
            return None
        try:
            values: list[Any] = orjson.loads(b"[%b]" % joined)
        except orjson.JSONDecodeError:
            return None
        if len(values) != len(cells):
            return None
        is_above = not is_signed and least <= (is_integer and not _may_have_zero(joined))
        return (above if is_above else beyond)(values)

    return odd_numbers


def _may_have_zero(joined: bytes) -> bool:
    """Return whether a number may be zero; one that begins with a zero may be 0.5, too."""
    return joined.startswith(b"0") or b",0" in joined


def _is_far(bound: str, value: float) -> bool:
    """Return whether no cell that is surely exact is beyond a bound."""
    return value >= _LARGEST if bound.endswith("aximum") else value <= -_LARGEST


def _beyond(bounds: Mapping[str, Any]) -> Callable[[list[Any]], list[int]]:
    """Return a function that returns the places of numbers beyond a schema's bounds."""
    checks = [(bounds[key], *_BOUNDS[key]) for key in _BOUNDS if key in bounds]

    def beyond(values: list[Any]) -> list[int]:
        places = set[int]()
        for bound, farthest, is_beyond in checks:
            if is_beyond(farthest(values), bound):
                places.update(at for at, value in enumerate(values) if is_beyond(value, bound))
        return sorted(places)

    return beyond


def _numbers(schema: Mapping[str, Any]) -> ValuesProof:
    if not _has_only(schema, *_BOUNDS):
        return never
    kinds = {int} if declared_kind(schema) == "integer" else {int, float}
    beyond = _beyond(schema)
    return lambda values: beyond(values) if set(map(type, values)) <= kinds else None


def _booleans(schema: Mapping[str, Any]) -> ValuesProof:
    if not _has_only(schema):
        return never
    return lambda values: [] if set(map(type, values)) == {bool} else None


def _strings(schema: Mapping[str, Any]) -> ValuesProof:
    proofs = text_proofs(schema)
    if proofs is None:
        return never
    odd_texts = _all_texts(proofs)
    return lambda values: odd_texts(values) if set(map(type, values)) == {str} else None


def _arrays(schema: Mapping[str, Any]) -> ValuesProof:
    if not _has_only(schema, "items", "minItems", "maxItems"):
        return never
    prove = values_proof(schema["items"]) if "items" in schema else None
    least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))

    def odd_arrays(values: list[Any]) -> Places:
        if set(map(type, values)) != {list}:
            return None
        if not all(least <= length <= most for length in map(len, values)):
            return None
        elements = [*chain.from_iterable(values)] if prove else []
        return [] if not prove or not elements or prove(elements) == [] else None

    return odd_arrays


def _objects(schema: Mapping[str, Any]) -> ValuesProof:
    if not _has_only(schema, "properties", "required", "additionalProperties"):
        return never
    fields = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    proofs = {name: values_proof(field) for name, field in fields.items()}
    required = frozenset(schema.get("required", ()))
    is_closed = not schema.get("additionalProperties", True)
    if not required <= proofs.keys():
        return never

    def odd_objects(values: list[Any]) -> Places:
        if set(map(type, values)) != {dict}:
            return None
        count = 0
        for name, prove in proofs.items():
            column = [value.get(name) for value in values]
            if None in column:
                if name in required:
                    return None
                column = [value for value in column if value is not None]
            count += len(column)
            if column and prove(column) != []:
                return None
        return [] if not is_closed or sum(map(len, values)) == count else None

    return odd_objects


_MAKERS: Final[dict[str, Callable[[Mapping[str, Any]], ValuesProof]]] = {
    "string": _strings,
    "integer": _numbers,
    "number": _numbers,
    "boolean": _booleans,
    "array": _arrays,
    "object": _objects,
}
