"""Writes a first draft of a declaration, for a person to edit, from what was seen. Pure."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handlers import keys
from handlers.transform.datasets.dataset import CsvOptions
from handlers.transform.records.names import normalize_name
from infra.datasets.checks.names import dataset_problems, field_problems
from ops.datasets.observations import Seen
from ops.terminal.problems import OperatorError, UsageError

_INDENT: Final = "  "
_PLAIN_KEY: Final = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n)$)[a-z][a-z0-9_]*")
_TYPES: Final = ("integer", "number", "boolean", "string", "object", "array")
# An enum is drafted where its values repeat so much that a new one would be news: each ten times,
# on average.
_LEAST_REPEATS: Final = 10
_LEAST_VALUES: Final = 2
# A column of which this share can be of a type is one of that type with bad cells, perhaps.
_MOST_SHARE: Final = 0.8
_SECRET_NAME: Final = re.compile(
    r"(^|_)(card_number|password|passwd|secret|token|api_key|cvv|cvc|ssn|iban|pin)(_|$)"
)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a draft is made of, besides what was seen.

    Attributes:
        name: of the dataset.
        prefix: the folder of its files.
        csv: what the content of delimited files cannot say.
        origin: what the samples are, in words.
    """

    name: str
    prefix: str
    csv: CsvOptions
    origin: str


def write(draft: Draft, seen: Seen) -> str:
    """Return the text of a draft: YAML with comments that say what is a guess.

    `seen` is of the records. Raises OperatorError if none of their fields can be declared.
    """
    schema = list(_object(seen, ("schema",)))
    if not any(line.strip() == "properties:" for line in schema):
        msg = "no field of the samples can be declared: a field needs one type and an ASCII name"
        raise OperatorError(msg)
    secrets = [".".join(path) for path in _secrets(seen, ())]
    lines = [
        f"# A draft from {draft.origin}.",
        "# It knows only what these hold: read it, correct it, and try it with other files, by",
        f"# `python -m ops datasets check FILE --dataset {draft.name}`.",
        "",
        f"prefix: {draft.prefix} # the folder of its files below incoming/",
        f"description: Records of {draft.name}.",
        *_csv(draft.csv),
        "",
        "schema:",
        *(f"{_INDENT}{line}" for line in schema),
        "",
        "unknownFields: keep # other fields: keep them, reject the record, or rescue them",
        *(_drop(secrets) if secrets else ()),
        "maxRejectedPercent: 10 # a file with more bad records fails as a whole",
    ]
    return "\n".join(lines) + "\n"


def require_options(name: str, prefix: str, csv: CsvOptions) -> None:
    """Raise UsageError for a name, a prefix or an option that no declaration can have."""
    # What checks a declaration takes longer to import than most commands to run.
    from infra.datasets.checks import declarations  # noqa: PLC0415

    schema = {"type": "object", "properties": {"any": {"type": "string"}}}
    options = {"csv": _given(csv)} if _given(csv) else {}
    declaration = {"prefix": prefix, "schema": schema, **options}
    found = [*dataset_problems(name), *declarations.problems(declaration)]
    if found:
        raise UsageError("; ".join(map(str, found)))


def default_name(file: Path) -> str:
    """Return the name of a dataset whose first sample this is."""
    return normalize_name(file.name.removesuffix(keys.data_suffix(file.name)))


def _csv(options: CsvOptions) -> Iterator[str]:
    if options.header:
        yield "# The files have no header: name the columns, in order, here and in the schema."
    told = [f"{key}: {_plain(value)}" for key, value in _given(options).items()]
    if told:
        yield f"csv: {{{', '.join(told)}}}"


def _plain(value: str | list[str]) -> str:
    return json.dumps(value) if isinstance(value, str) else f"[{', '.join(map(_key, value))}]"


def _given(options: CsvOptions) -> dict[str, str | list[str]]:
    told = {
        "delimiter": options.delimiter,
        "encoding": options.encoding,
        "header": [*options.header],
    }
    return {key: value for key, value in told.items() if value}


def kind_of(seen: Seen) -> str | None:
    """Return the one type of all values but null, or None if there is none."""
    kinds = set(seen.kinds) - {"null"}
    if kinds == {"integer", "number"}:
        kinds = {"number"}
    if seen.cells:
        possible = [*(name for name in _TYPES if seen.readable.get(name) == seen.cells), "string"]
        wanted = [name for name in possible if not kinds or _holds(name, kinds)]
        return wanted[0] if wanted else None
    return kinds.pop() if len(kinds) == 1 else None


def _holds(name: str, kinds: set[str]) -> bool:
    """Return whether values of some JSON types are of a type: an integer is a number, too."""
    return kinds == {name} or (name == "number" and kinds == {"integer"})


def _object(seen: Seen, path: tuple[str, ...]) -> Iterator[str]:
    yield "type: object"
    count = seen.kinds.get("object", 0)
    declared, left = _sorted(seen, path)
    required = [_key(name) for name, field in declared.items() if field.count == count]
    if required:
        yield f"required: [{', '.join(required)}]"
    if declared:
        yield "properties:"
    elif left:
        yield "# no property can be declared:"
    for name, field in (seen.fields or {}).items():
        if name in declared:
            yield f"{_INDENT}{_key(name)}:{_note(field, count)}"
            for line in _schema(field, (*path, "properties", name)):
                yield f"{_INDENT * 2}{line}"
        else:
            told = json.dumps(name, ensure_ascii=not name.isprintable())
            yield f"{_INDENT}# {told} is not declared: {left[name]}"


def _sorted(seen: Seen, path: tuple[str, ...]) -> tuple[dict[str, Seen], dict[str, str]]:
    """Return the fields that can be declared, and why the others cannot."""
    declared: dict[str, Seen] = {}
    left: dict[str, str] = {}
    for name, field in (seen.fields or {}).items():
        if list(field_problems(name, (*path, "properties", name))):
            left[name] = "its name cannot be one of a column"
        elif kind_of(field) is None:
            told = ", ".join(f"{kind} in {count}" for kind, count in _told_kinds(field))
            left[name] = f"it has several types ({told})"
        else:
            declared[name] = field
    return declared, left


def _told_kinds(seen: Seen) -> Iterator[tuple[str, int]]:
    yield from seen.kinds.items()
    if seen.cells:
        yield "cells", seen.cells


def _schema(seen: Seen, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of the schema of values that have one type."""
    kind = kind_of(seen)
    if kind == "object" and "null" not in seen.kinds:
        yield from _object(seen, path)
        return
    yield f'type: [{kind}, "null"]' if "null" in seen.kinds else f"type: {kind}"
    if kind == "object":
        yield from list(_object(seen, path))[1:]
    elif kind == "array" and seen.items and kind_of(seen.items):
        yield "items:"
        yield from (f"{_INDENT}{line}" for line in _schema(seen.items, (*path, "items")))
    elif kind == "string":
        yield from _texts(seen)


def _texts(seen: Seen) -> Iterator[str]:
    """Yield what the texts of a field have in common: a format, or few values."""
    if "null" in seen.kinds:
        return  # an enum would have to list null
    texts = seen.texts or {}
    if seen.formats:
        yield f"format: {seen.formats[0]}"
    elif len(texts) >= _LEAST_VALUES and sum(texts.values()) >= _LEAST_REPEATS * len(texts):
        values = ", ".join(json.dumps(text, ensure_ascii=False) for text in sorted(texts))
        yield f"enum: [{values}] # all that were seen; leave it out if there may be others"


def _note(seen: Seen, count: int) -> str:
    """Return a comment: how many records have a field, and which type most of its cells have."""
    notes = [f"in {seen.count} of {count}"] if seen.count != count else []
    most = max(seen.readable, key=seen.readable.__getitem__, default="")
    if most and seen.cells * _MOST_SHARE <= seen.readable[most] < seen.cells:
        notes.append(f"{seen.readable[most]} of {seen.cells} cells fit the type {most}")
    return f" # {'; '.join(notes)}" if notes else ""


def _key(name: str) -> str:
    return name if _PLAIN_KEY.fullmatch(name) else json.dumps(name)


def _secrets(seen: Seen, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the paths of fields that look like card numbers or other secrets."""
    for name, field in (seen.fields or {}).items():
        inner = (*path, name)
        if (field.count and field.is_card) or _SECRET_NAME.search(name):
            yield inner
        else:
            yield from _secrets(field, inner)
            if field.items:
                yield from _secrets(field.items, inner)


def _drop(paths: Sequence[str]) -> list[str]:
    return [
        "# These look like secrets. To never write them, take them out of `properties` and",
        "# `required`, and take the # off the next line:",
        f"# drop: [{', '.join(paths)}]",
    ]
