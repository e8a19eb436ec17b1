"""Compare declarations with those of the last deployment: what each change does. Pure.

What cannot be compared, two patterns say, counts as stricter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from handlers import keys
from handlers.transform.datasets.dataset import RESCUED, UnknownFields
from infra.datasets import drop_changes, schema_changes
from infra.datasets.effects import Effect, Kind, effect

_WARNED: Final = frozenset({Kind.BREAKS_QUERIES, Kind.STRICTER, Kind.REVEALING})


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of a dataset, as one line."""

    dataset: str
    kind: Kind
    text: str

    @property
    def is_warning(self) -> bool:
        """Whether records or queries may fail that did not, or dropped fields are written."""
        return self.kind in _WARNED

    def __str__(self) -> str:
        """Return `dataset orders: schema.properties.total.minimum: 0, now 10 (stricter)`."""
        return f"dataset {self.dataset}: {self.text}"


def changes(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> list[Change]:
    """Return what differs between two sets of declarations, by the names of their datasets.

    Both must be checked, as those of `files.load` are.
    """
    return [
        Change(dataset=name, kind=effect.kind, text=str(effect))
        for name in sorted(old.keys() | new.keys())
        for effect in _effects(old.get(name), new.get(name), new)
    ]


def _effects(
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    declared: Mapping[str, Mapping[str, Any]],
) -> Iterator[Effect]:
    """Yield what differs between a dataset before and now, given all that are declared now."""
    if old is not None and (new is None or not old["prefix"].startswith(new["prefix"])):
        yield from _left(old, new, declared)
    if new is None:
        return
    if old is None:
        text = f"added: files of {keys.INCOMING}{new['prefix']} are checked from now on"
        yield Effect(path=(), kind=Kind.OTHER, text=text)
    else:
        yield from _settings(old, new)
        closed = _unknown_fields(old) is UnknownFields.REJECT
        dropped = frozenset[str](old.get("drop", []))
        yield from schema_changes.compare(
            old["schema"], new["schema"], ("schema",), closed=closed, dropped=dropped
        )


def _left(
    old: Mapping[str, Any],
    new: Mapping[str, Any] | None,
    declared: Mapping[str, Mapping[str, Any]],
) -> Iterator[Effect]:
    """Yield what becomes of the files of a folder that a dataset has left."""
    folder = old["prefix"]
    holder = next((name for name in declared if folder.startswith(declared[name]["prefix"])), "")
    fate = f"belong to the dataset {holder} now" if holder else "are no longer checked"
    is_narrower = new is not None and new["prefix"].startswith(folder)
    files = f"{'other ' if is_narrower else ''}files of {keys.INCOMING}{folder}"
    if new is None:
        text = f"removed: its tables are gone, and its files {fate}"
        yield Effect(path=(), kind=Kind.BREAKS_QUERIES, text=text)
    else:
        text = f"{folder}, now {new['prefix']}: its tables no longer show old files, and {files}"
        text += f" {fate}"
        yield Effect(path=("prefix",), kind=Kind.BREAKS_QUERIES, text=text)
    dropped: list[str] = declared[holder].get("drop", []) if holder else []
    for field in sorted({*old.get("drop", [])} - {*dropped}):
        text = f"{field} of {files} is written from now on"
        yield Effect(path=("drop",), kind=Kind.REVEALING, text=text)


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Effect]:
    if len(new["prefix"]) < len(old["prefix"]) and old["prefix"].startswith(new["prefix"]):
        text = f"{old['prefix']}, now {new['prefix']}: all files of {keys.INCOMING}{new['prefix']}"
        text += " are checked from now on"
        yield Effect(path=("prefix",), kind=Kind.STRICTER, text=text)
    if old.get("description") != new.get("description"):
        yield effect(("description",), Kind.OTHER, old.get("description"), new.get("description"))
    yield from _csv(old.get("csv", {}), new.get("csv", {}))
    yield from _unknown(_unknown_fields(old), _unknown_fields(new), new["schema"])
    yield from drop_changes.compare(old, new)
    yield from _most_rejected(old.get("maxRejectedPercent"), new.get("maxRejectedPercent"))


def _csv(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Effect]:
    for option in sorted(old.keys() | new.keys()):
        before, now = old.get(option), new.get(option)
        if before != now:
            # Without it, another is taken from the content, or from the stack.
            yield effect(("csv", option), Kind.STRICTER, before, now)


def _unknown_fields(declaration: Mapping[str, Any]) -> UnknownFields:
    return UnknownFields(declaration.get("unknownFields", UnknownFields.KEEP))


def _unknown(old: UnknownFields, new: UnknownFields, schema: Mapping[str, Any]) -> Iterator[Effect]:
    if old is new:
        return
    place = ("unknownFields",)
    if old is UnknownFields.RESCUE:
        text = f"{old}, now {new}: the column {RESCUED} is gone"
        yield Effect(path=place, kind=Kind.BREAKS_QUERIES, text=text)
        return
    kind = Kind.LOOSER if old is UnknownFields.REJECT else Kind.OTHER
    # Fields that are rescued do not count as fields of the record.
    if new is UnknownFields.REJECT or (kind is Kind.OTHER and "minProperties" in schema):
        kind = Kind.STRICTER
    yield effect(place, kind, old.value, new.value)


def _most_rejected(old: float | None, new: float | None) -> Iterator[Effect]:
    if old == new:
        return
    # What is not set is the stack's setting, which may be any.
    most, least = 100 if old is None else old, 0 if new is None else new
    kind = Kind.STRICTER if least < most else Kind.LOOSER
    yield effect(("maxRejectedPercent",), kind, old, new)
