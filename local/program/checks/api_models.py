"""Check a request against the limits in AWS's API models, which botocore contains.

botocore leaves ranges, patterns and enumerations to the service, and moto knows few of them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Sized
from functools import cache
from typing import Any, Final, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

_SIZED: Final = ("string", "list", "map")
_NUMBERS: Final = ("integer", "long", "float", "double")


def problems(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield a sentence for each value outside of the model's limits, with what is allowed.

    Values of a wrong type are left to botocore.
    """
    yield from _own_problems(shape, value, path)
    if isinstance(shape, StructureShape):
        members: Mapping[str, Shape] = shape.members
        for name, item in _items(value):
            if name in members:
                yield from problems(members[name], item, f"{path}.{name}" if path else name)
    elif isinstance(shape, MapShape):
        for name, item in _items(value):
            yield from problems(shape.key, name, path)
            yield from problems(shape.value, item, f"{path}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, Sequence):
        for index, item in enumerate(cast("Sequence[Any]", value)):
            yield from problems(shape.member, item, f"{path}[{index}]")


def _own_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    limits: Mapping[str, Any] = shape.metadata
    if shape.type_name in _SIZED and isinstance(value, Sized):
        size, unit = len(value), "characters" if shape.type_name == "string" else "entries"
    elif shape.type_name in _NUMBERS and isinstance(value, int | float):
        size, unit = value, ""
    else:
        return
    least, most = limits.get("min"), limits.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        bounds = f"{'' if least is None else least} to {'' if most is None else most} {unit}"
        yield f"{path} is {_short(value)}, allowed: {bounds.strip()}"
    allowed = limits.get("enum")
    if allowed and value not in allowed:
        yield f"{path} is {_short(value)}, allowed: {', '.join(sorted(allowed))}"
    pattern = limits.get("pattern")
    if pattern and isinstance(value, str) and not _matches(pattern, value):
        yield f"{path} is {_short(value)}, allowed: {pattern}"


def _matches(pattern: str, value: str) -> bool:
    compiled = _compile(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@cache
def _compile(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:  # the models use Java's dialect: `\p{L}`
        return None


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from cast("Mapping[str, Any]", value).items()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(value)} long)"


_SHOWN: Final = 120
