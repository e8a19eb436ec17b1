"""The work as most pipelines write it: one function over each record. The naive way's core."""

import re
from typing import Any, Final, cast

METADATA: Final = {
    "processed_at": "2024-01-15T10:30:00.000Z",
    "environment": "bench",
    "processor_version": "1.0.0",
}
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_A_WORD = re.compile(r"[\W_]+")


def snake_case(name: str) -> str:
    """Return a name in lower_snake_case."""
    return _NOT_A_WORD.sub("_", _WORD_START.sub("_", name).lower()).strip("_") or "field"


def cleaned(value: Any) -> Any:
    """Return a value with its names changed and its empties dropped, at every depth."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        kept = ((snake_case(name), cleaned(field)) for name, field in fields.items())
        return {name: field for name, field in kept if field not in (None, "", {}, [])}
    if isinstance(value, list):
        return [cleaned(element) for element in cast("list[Any]", value)]
    return value
