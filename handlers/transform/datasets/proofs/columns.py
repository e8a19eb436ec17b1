"""Proofs that all values of a column meet their schema, by operations on the whole column. Pure.

A proof may fail for a good column, and never holds for a bad one. What is not proved is checked
value by value, by the functions that fastjsonschema generates.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, cast

import orjson

from handlers.transform.datasets.dataset import declared_kind
from handlers.transform.datasets.proofs.lines import are_among
from handlers.transform.datasets.proofs.texts import Proof, Texts, text_proofs

ValuesProof = Callable[[list[Any]], bool]
CellsProof = Callable[[list[bytes]], bool]  # of cells that are not empty, as `RowBlockEncoder` has

_FEWEST: Final = 4  # values to prove at once; fewer are checked one by one
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_BOOLEANS: Final = frozenset({b"true", b"false"})
# What a number is made of: digits and points, a minus; all else, an exponent as well, is `x`.
_PARTS: Final = {**dict.fromkeys(b"0123456789.", b"0"), ord("-"): b"-", ord(","): b","}
_SHAPES: Final = b"".join(_PARTS.get(code, b"x") for code in range(256))
_LONG: Final = b"0" * 17  # more than a double surely holds
_LARGEST: Final = 10**17  # so no such cell has this value, or its negative


def never(_: Sequence[Any]) -> bool:
    """Prove nothing, so that each value is checked."""
    return False


def unproved(values: list[Any], prove: Callable[[list[Any]], bool], begin: int = 0) -> list[int]:
    """Return the places of values that are not proved, where not all are proved at once.

    `begin` is the place of the first. What is proved is left out, half by half.
    """
    if prove is never or len(values) <= _FEWEST:
        return [*range(begin, begin + len(values))]
    half = len(values) // 2
    left, right = values[:half], values[half:]
    if prove(left):
        return unproved(right, prove, begin + half)
    places = unproved(left, prove, begin)
    return places if prove(right) else places + unproved(right, prove, begin + half)


def values_proof(schema: Mapping[str, Any]) -> ValuesProof:
    """Return the proof of parsed JSON values, none of them null, for a plain schema."""
    return _MAKERS[declared_kind(schema)](schema)


def cells_proof(schema: Mapping[str, Any]) -> CellsProof | None:
    """Return the proof of cells, none of them empty, for a plain schema; None if any will do."""
    kind = declared_kind(schema)
    if kind == "boolean":
        return _are_booleans if _has_only(schema) else never
    if kind in ("integer", "number"):
        return _number_cells(schema, is_integer=kind == "integer")
    proofs = text_proofs(schema) if kind == "string" else None
    if proofs == []:
        return None

    return _all_texts(proofs) if proofs else never


def _all_texts(proofs: list[Proof]) -> Callable[[list[Any]], bool]:
    def are_texts(values: list[Any]) -> bool:
        texts = Texts(values)
        return all(prove(texts) for prove in proofs)

    return are_texts if len(proofs) > 1 else lambda values: proofs[0](Texts(values))


def _are_booleans(cells: list[bytes]) -> bool:
    """Return whether all cells are booleans as JSON writes them."""
    return are_among(_BOOLEANS, Texts(cells).lines(), len(cells))


def _has_only(schema: Mapping[str, Any], *keywords: str) -> bool:
    return schema.keys() <= {"type", *keywords}


def _number_cells(schema: Mapping[str, Any], *, is_integer: bool) -> CellsProof:
    if not _has_only(schema, *_BOUNDS):
        return never
    bounds = {
        key: schema[key] for key in _BOUNDS if key in schema and not _is_far(key, schema[key])
    }
    least = bounds.get("minimum", 0)
    are_within = _within(bounds)
    are_below = _within({key: bound for key, bound in bounds.items() if key != "minimum"})

    def are_numbers(cells: list[bytes]) -> bool:
        joined = b",".join(cells)
        shapes = joined.translate(_SHAPES)
        if b"x" in shapes or _LONG in shapes:
            return False
        if is_integer and (b"." in joined or b"-0" in joined):
            return False
        try:
            values: list[Any] = orjson.loads(b"[%b]" % joined)
        except orjson.JSONDecodeError:
            return False
        is_above = b"-" not in shapes and least <= (is_integer and not _may_have_zero(joined))
        return len(values) == len(cells) and (are_below if is_above else are_within)(values)

    return are_numbers


def _may_have_zero(joined: bytes) -> bool:
    """Return whether a number may be zero; one that begins with a zero may be 0.5, too."""
    return joined.startswith(b"0") or b",0" in joined


def _is_far(bound: str, value: float) -> bool:
    """Return whether no cell that is surely exact is beyond a bound."""
    return value >= _LARGEST if bound.endswith("aximum") else value <= -_LARGEST


def _within(bounds: Mapping[str, Any]) -> Callable[[list[Any]], bool]:
    """Return a function that tells whether numbers are within a schema's bounds."""
    least, most = bounds.get("minimum"), bounds.get("maximum")
    above, below = bounds.get("exclusiveMinimum"), bounds.get("exclusiveMaximum")

    def are_within(values: list[Any]) -> bool:
        low = min(values) if least is not None or above is not None else 0
        high = max(values) if most is not None or below is not None else 0
        return (
            (least is None or low >= least)
            and (above is None or low > above)
            and (most is None or high <= most)
            and (below is None or high < below)
        )

    return are_within


def _numbers(schema: Mapping[str, Any]) -> ValuesProof:
    if not _has_only(schema, *_BOUNDS):
        return never
    kinds = {int} if declared_kind(schema) == "integer" else {int, float}
    are_within = _within(schema)
    return lambda values: set(map(type, values)) <= kinds and are_within(values)


def _booleans(schema: Mapping[str, Any]) -> ValuesProof:
    return (lambda values: set(map(type, values)) == {bool}) if _has_only(schema) else never


def _strings(schema: Mapping[str, Any]) -> ValuesProof:
    proofs = text_proofs(schema)
    if proofs is None:
        return never

    if not proofs:
        return lambda values: set(map(type, values)) == {str}
    are_texts = _all_texts(proofs)
    return lambda values: set(map(type, values)) == {str} and are_texts(values)


def _arrays(schema: Mapping[str, Any]) -> ValuesProof:
    if not _has_only(schema, "items", "minItems", "maxItems"):
        return never
    prove = values_proof(schema["items"]) if "items" in schema else None
    least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))

    def are_arrays(values: list[Any]) -> bool:
        if set(map(type, values)) != {list}:
            return False
        if not all(least <= length <= most for length in map(len, values)):
            return False
        return not prove or not (elements := [*chain.from_iterable(values)]) or prove(elements)

    return are_arrays


def _objects(schema: Mapping[str, Any]) -> ValuesProof:
    if not _has_only(schema, "properties", "required", "additionalProperties"):
        return never
    fields = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    proofs = {name: values_proof(field) for name, field in fields.items()}
    required = frozenset(schema.get("required", ()))
    is_closed = not schema.get("additionalProperties", True)
    if not required <= proofs.keys():
        return never

    def are_objects(values: list[Any]) -> bool:
        if set(map(type, values)) != {dict}:
            return False
        count = 0
        for name, prove in proofs.items():
            column = [value.get(name) for value in values]
            if None in column:
                if name in required:
                    return False
                column = [value for value in column if value is not None]
            count += len(column)
            if column and not prove(column):
                return False
        return not is_closed or sum(map(len, values)) == count

    return are_objects


_MAKERS: Final[dict[str, Callable[[Mapping[str, Any]], ValuesProof]]] = {
    "string": _strings,
    "integer": _numbers,
    "number": _numbers,
    "boolean": _booleans,
    "array": _arrays,
    "object": _objects,
}
