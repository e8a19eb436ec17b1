"""Check the JSON Schema of a dataset: of a record, and of each field within it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from handlers.transform.datasets.schemas import ANNOTATIONS, KEYWORDS
from infra.datasets.checks import bounds, keywords
from infra.datasets.checks.keyword_values import RULES, is_listing
from infra.datasets.checks.listed_values import listed
from infra.datasets.checks.names import field_problems
from infra.datasets.checks.problems import Problem, as_list, as_object, shown, unknown, wrong
from infra.datasets.patterns import takes_long

_Path: TypeAlias = tuple[str | int, ...]

# What Python can compile: its code nests at most 20 blocks.
_MOST_LEVELS: Final = 16
_NULL: Final = "null"
_TYPE_ALLOWED: Final = (
    f"one of {', '.join(keywords.TYPES)}, or a list of one of them and {shown(_NULL)}"
)
_STEPS_TO_ROOTS_KEYWORD: Final = len(("schema", "required"))
_AT_ROOT: Final = ("type", "properties", "required", "minProperties", "maxProperties")


def problems(schema: Any, path: _Path = ("schema",)) -> Iterator[Problem]:
    """Yield each problem of the schema of a record, which stands at `path`."""
    if (found := as_object(schema)) is None:
        yield wrong(path, schema, "an object, {type: object, properties: {…}} say")
        return
    if found.get("type") != "object":
        yield _required_type(found, path)
    if found.get("properties") in (None, {}):
        state = "is empty" if "properties" in found else "is not set"
        yield Problem((*path, "properties"), f"{state}, allowed: the schema of each field")
    if "additionalProperties" in found:
        yield Problem(
            (*path, "additionalProperties"), "is not for the record itself, use unknownFields"
        )
    for keyword in keywords.OF_ANY_TYPE & found.keys() - {"type"}:
        yield Problem((*path, keyword), f"is not for the record itself, allowed: {_listed_root()}")
    known = {**found, "type": "object"}
    yield from _schema_problems(known, path, levels=0)


def _required_type(schema: Mapping[str, Any], path: _Path) -> Problem:
    if "type" not in schema:
        return Problem((*path, "type"), "is not set, allowed: object")
    return wrong((*path, "type"), schema["type"], "object")


def _listed_root() -> str:
    return ", ".join(_AT_ROOT)


def _schema_problems(schema: Any, path: _Path, *, levels: int) -> Iterator[Problem]:
    """Yield each problem of the schema of a record, a field or an item."""
    if (found := as_object(schema)) is None:
        yield wrong(path, schema, "a schema, {type: string} say")
        return
    if levels > _MOST_LEVELS:
        yield Problem(path, f"is nested too deep, allowed: {_MOST_LEVELS} levels")
        return
    kind = declared_type(found)
    if kind is None:
        yield _wrong_type(found, path)
    for keyword, value in found.items():
        yield from _keyword_problems(keyword, value, (*path, keyword), kind)
    yield from _slow_pattern(found, path)
    yield from _value_problems(found, path)
    yield from _required_problems(found, path)
    yield from bounds.problems(found, path, kind)
    yield from _inner_problems(found, path, levels=levels + 1)


def declared_type(schema: Mapping[str, Any]) -> str | None:
    """Return the one type of a schema besides null, or None if it is not declared as it must be."""
    given = schema.get("type")
    kinds = as_list(given) if is_listing(given) else [given]
    names = [name for name in kinds or () if name != _NULL]
    return names[0] if len(names) == 1 and names[0] in keywords.TYPES else None


def _wrong_type(schema: Mapping[str, Any], path: _Path) -> Problem:
    if "type" not in schema:
        return Problem((*path, "type"), f"is not set, allowed: {_TYPE_ALLOWED}")
    return wrong((*path, "type"), schema["type"], _TYPE_ALLOWED)


def _keyword_problems(keyword: str, value: Any, path: _Path, kind: str | None) -> Iterator[Problem]:
    of_kind = keywords.OF_TYPE[kind] if kind else KEYWORDS
    at_root = len(path) == _STEPS_TO_ROOTS_KEYWORD
    if keyword not in KEYWORDS | ANNOTATIONS:
        if keyword in keywords.INSTEAD:
            yield Problem(path, f"is not supported, {keywords.INSTEAD[keyword]}")
        else:
            yield unknown(path, "a supported keyword", KEYWORDS | ANNOTATIONS)
    elif keyword == "$schema" and not at_root:
        yield Problem(path, "stands within the schema, allowed: at its top alone")
    elif keyword not in of_kind | keywords.OF_ANY_TYPE | ANNOTATIONS:
        allowed = ", ".join(sorted(of_kind | (keywords.OF_ANY_TYPE - {"type"})))
        yield Problem(path, f"says nothing of type {kind}, allowed: {allowed}")
    elif keyword in RULES:
        yield from RULES[keyword].check(path, value)


def _slow_pattern(schema: Mapping[str, Any], path: _Path) -> Iterator[Problem]:
    """Yield a problem for a pattern that some texts would keep the processor busy with."""
    pattern = schema.get("pattern")
    if RULES["pattern"].holds(pattern) and takes_long(pattern or ""):
        text = (
            f"{shown(pattern)} repeats a group with a repeat in it, which takes years for some "
            "texts, allowed: one repeat, ^a+$ for ^(a+)+$; a character that nothing else in the "
            "group matches at its start or end, ^(-a+)*$; or a repeat within that gives nothing "
            "back, ^(a++b?)*$"
        )
        yield Problem((*path, "pattern"), text)


def _value_problems(schema: Mapping[str, Any], path: _Path) -> Iterator[Problem]:
    """Yield a problem for each value of enum and const that is not of the declared type."""
    if (kind := declared_type(schema)) is None:
        return
    nullable = isinstance(schema["type"], list)
    allowed = f"values of type {kind}{' or null' if nullable else ''}"
    for place, value in listed(schema, path):
        if not (_is_of_type(value, kind) or (nullable and value is None)):
            yield wrong(place, value, allowed)


def _is_of_type(value: Any, kind: str) -> bool:
    if kind == "number":
        return type(value) in {int, float}
    return type(value) is {
        "string": str, "integer": int, "boolean": bool, "object": dict, "array": list
    }[kind]  # fmt: skip


def _required_problems(schema: Mapping[str, Any], path: _Path) -> Iterator[Problem]:
    place, required = (*path, "required"), schema.get("required", [])
    if required == []:
        return
    if not is_listing(required) or not all(isinstance(name, str) for name in required):
        yield wrong(place, required, "a list of different names of properties")
        return
    known = as_object(schema.get("properties")) or {}
    for at, name in enumerate(required):
        if name not in known:
            problem = unknown((*place, name), "one of the properties", known)
            yield Problem((*place, at), f"{shown(name)} {problem.text}")


def _inner_problems(schema: Mapping[str, Any], path: _Path, *, levels: int) -> Iterator[Problem]:
    """Yield each problem of the fields of an object and of the items of an array."""
    place, fields = (*path, "properties"), as_object(schema.get("properties", {}))
    if fields is None:
        allowed = "an object of the schema of each field, by its name"
        yield wrong(place, schema["properties"], allowed)
    for name, field in (fields or {}).items():
        yield from field_problems(name, (*place, name))
        yield from _schema_problems(field, (*place, name), levels=levels)
    if "items" in schema:
        yield from _schema_problems(schema["items"], (*path, "items"), levels=levels)
