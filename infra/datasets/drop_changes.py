"""Compare what two declarations of a dataset drop. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from handlers.transform.datasets.dataset import UnknownFields
from infra.datasets.effects import Effect, Kind


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Effect]:
    """Yield an effect for each field that is dropped no more, or from now on."""
    before, now = {*old.get("drop", [])}, {*new.get("drop", [])}
    for field in sorted(before ^ now):
        kind, text = _of_dropped(new, field) if field in now else _of_kept(new, field)
        yield Effect(path=("drop",), kind=kind, text=f"{field} {text}")


def _of_kept(declaration: Mapping[str, Any], field: str) -> tuple[Kind, str]:
    holder, name = _holder(declaration, field), field.rpartition(".")[2]
    is_closed = holder.get("additionalProperties") is False
    if is_closed and name not in holder.get("properties", {}):
        return Kind.STRICTER, "is no longer dropped, so records that have it are rejected"
    return Kind.REVEALING, "is written from now on"


def _of_dropped(declaration: Mapping[str, Any], field: str) -> tuple[Kind, str]:
    has_fewest = "minProperties" in _holder(declaration, field)  # too few may be left
    return Kind.STRICTER if has_fewest else Kind.OTHER, "is no longer written"


def _holder(declaration: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return the schema of the object that has a field; {} if it is not declared."""
    unknown = declaration.get("unknownFields")
    found = {**declaration["schema"], "additionalProperties": unknown != UnknownFields.REJECT}
    for name in field.split(".")[:-1]:
        found = found.get("properties", {}).get(name, {})
        while "items" in found:
            found = found["items"]
    return found
