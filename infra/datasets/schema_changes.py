"""Compare two schemas of a dataset's records. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from handlers.transform.datasets.schemas import ANNOTATIONS, MAX_INTEGER, MIN_INTEGER
from infra.datasets.checks.schemas import declared_type
from infra.datasets.columns import column_type
from infra.datasets.effects import Effect, Kind, Path, effect

# Values that say as much as the keyword's absence.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "required": [],
    "additionalProperties": True,
    "uniqueItems": False,
    "minLength": 0,
    "minItems": 0,
    "minProperties": 0,
}
_OF_INTEGERS: Final[Mapping[str, Any]] = {"minimum": MIN_INTEGER, "maximum": MAX_INTEGER}
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def compare(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    path: Path,
    *,
    closed: bool,
    dropped: frozenset[str],
) -> Iterator[Effect]:
    """Yield what each difference does.

    Before, unnamed fields were rejected if `closed`, but for those that were `dropped`.
    """
    kinds = declared_type(old), declared_type(new)
    if kinds[0] != kinds[1] or _shape(old) != _shape(new):
        # The column has another type, which also decides which of the other keywords count.
        before, now = column_type(old), column_type(new)
        text = f"{kinds[0]}, now {kinds[1]}: the column {before} becomes {now}"
        yield Effect(path=(*path, "type"), kind=Kind.BREAKS_QUERIES, text=text)
        return
    yield from _nullable(old, new, path)
    for keyword in sorted((old.keys() | new.keys()) - {"type", "properties", "items"}):
        yield from _compare_keyword(keyword, old, new, path)
    yield from _compare_fields(old, new, path, closed=closed, dropped=dropped)
    if "items" in old and "items" in new:
        inner = (*path, "items")
        closed = _is_closed(old["items"])
        yield from compare(old["items"], new["items"], inner, closed=closed, dropped=dropped)


def _shape(schema: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return whether the schema says what is within: else the column is JSON text."""
    return bool(schema.get("properties")), "items" in schema


def _is_closed(schema: Mapping[str, Any]) -> bool:
    return schema.get("additionalProperties") is False


def _nullable(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> Iterator[Effect]:
    before, now = isinstance(old["type"], list), isinstance(new["type"], list)
    if before != now:
        kind = Kind.LOOSER if now else Kind.STRICTER
        yield effect((*path, "type"), kind, old["type"], new["type"])


def _compare_keyword(
    keyword: str, old: Mapping[str, Any], new: Mapping[str, Any], path: Path
) -> Iterator[Effect]:
    before, now = (_value(keyword, schema) for schema in (old, new))
    if _text(before) == _text(now):
        return
    place = (*path, keyword)
    if keyword in {"required", "enum"} and before and now:
        yield from _compare_lists(place, before, now, more_is_stricter=keyword == "required")
    else:
        yield effect(place, _kind_of(keyword, before, now), before, now)


def _kind_of(keyword: str, old: Any, new: Any) -> Kind:
    """Return what another value of a keyword does; None is the absence of one."""
    if keyword in ANNOTATIONS:
        return Kind.OTHER
    if new is None:
        return Kind.LOOSER
    if old is None or keyword not in _LOWER + _UPPER:
        return Kind.STRICTER
    return Kind.STRICTER if (new > old) == (keyword in _LOWER) else Kind.LOOSER


def _value(keyword: str, schema: Mapping[str, Any]) -> Any:
    """Return what a keyword is set to, or None if it says nothing."""
    defaults = _OF_INTEGERS if declared_type(schema) == "integer" else _DEFAULTS
    value = schema.get(keyword)
    return None if value == defaults.get(keyword) else value


def _compare_lists(
    path: Path, old: list[Any], new: list[Any], *, more_is_stricter: bool
) -> Iterator[Effect]:
    """Yield an effect for each value that was added to a list, or removed from it."""
    texts = {_text(value) for value in old}, {_text(value) for value in new}
    for values, others, verb in ((new, texts[0], "added"), (old, texts[1], "removed")):
        for value in values:
            if _text(value) not in others:
                stricter = (verb == "added") == more_is_stricter
                kind = Kind.STRICTER if stricter else Kind.LOOSER
                yield Effect(path=path, kind=kind, text=f"{_text(value)} {verb}")


def _compare_fields(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    path: Path,
    *,
    closed: bool,
    dropped: frozenset[str],
) -> Iterator[Effect]:
    before, now = old.get("properties", {}), new.get("properties", {})
    for name in sorted(before.keys() | now.keys()):
        place = (*path, "properties", name)
        if name not in now:
            text = "removed: its column is gone"
            yield Effect(path=place, kind=Kind.BREAKS_QUERIES, text=text)
        elif name not in before:
            is_new = closed and _field(place) not in dropped
            kind = Kind.LOOSER if is_new else Kind.STRICTER
            yield Effect(path=place, kind=kind, text=f"added: {column_type(now[name])}")
        else:
            inner = before[name]
            closed_within = _is_closed(inner)
            yield from compare(inner, now[name], place, closed=closed_within, dropped=dropped)


def _field(path: Path) -> str:
    """Return a field as `drop` names it: `customer.card` at `schema.properties.customer…`."""
    steps = iter(path[1:])
    return ".".join(str(next(steps)) for step in steps if step == "properties")


def _text(value: Any) -> str:
    """Return a text that is the same for equal values alone, whatever their order of keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
