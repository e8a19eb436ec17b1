"""Check the declaration of one dataset. Pure."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, cast

from handlers.transform.datasets.dataset import UnknownFields
from handlers.transform.datasets.schemas import SchemaError, Validator
from infra.datasets.checks import csv_options, drops, json_values, listed_values, schemas
from infra.datasets.checks.names import PREFIX
from infra.datasets.checks.problems import Problem, Rule, in_file_order, is_number, unknown, wrong
from infra.datasets.columns import column_type

_KEYS: Final = (
    "prefix", "description", "csv", "schema", "unknownFields", "drop", "maxRejectedPercent",
)  # fmt: skip
_REQUIRED: Final = ("prefix", "schema")
# https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
_LONGEST_DESCRIPTION: Final = 2048
# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html: ASCII, as names are
_LONGEST_TYPE: Final = 131_072
_RULES: Final[Mapping[str, Rule]] = {
    "prefix": PREFIX,
    "description": Rule(
        holds=lambda value: (
            isinstance(value, str)
            and len(value) <= _LONGEST_DESCRIPTION
            and all(char.isprintable() or char in "\n\t" for char in value)
        ),
        allowed=f"a text of at most {_LONGEST_DESCRIPTION} printable characters",
    ),
    "unknownFields": Rule(
        holds=lambda value: isinstance(value, str) and value in set(UnknownFields),
        allowed=", ".join(UnknownFields),
    ),
    "maxRejectedPercent": Rule(
        holds=lambda value: is_number(value) and 0 <= value <= 100,  # noqa: PLR2004 - percent
        allowed="a number from 0 to 100",
    ),
}


def problems(declaration: Any) -> list[Problem]:
    """Return each problem of a declaration, in the order of its file; a value has at most one."""
    content = json_values.with_text_keys(declaration)
    found: dict[tuple[str | int, ...], Problem] = {}
    for problem in _all_problems(declaration, content):
        found.setdefault(problem.path, problem)
    if not found:
        found |= {it.path: it for it in _compiling_problems(content["schema"])}
    return in_file_order(found.values(), content)


def _all_problems(declaration: Any, content: Any) -> Iterator[Problem]:
    if declaration is None:
        yield Problem((), f"the file is empty, allowed: the keys {', '.join(_KEYS)}")
        return
    if type(declaration) is not dict:
        yield wrong((), declaration, f"an object of the keys {', '.join(_KEYS)}")
        return
    yield from json_values.problems(declaration)
    given = cast("dict[str, Any]", content)
    for key in _REQUIRED:
        if key not in given:
            yield Problem((key,), f"is not set, allowed: {_ALLOWED_REQUIRED[key]}")
    for key, value in given.items():
        if key not in _KEYS:
            yield unknown((key,), "a key of a dataset", _KEYS)
        elif key in _RULES:
            yield from _RULES[key].check((key,), value)
        else:
            yield from _parts(given)[key](value)


_ALLOWED_REQUIRED: Final = {
    "prefix": PREFIX.allowed,
    "schema": "the JSON Schema of a record",
}


def _parts(declaration: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "csv": csv_options.problems,
        "schema": schemas.problems,
        "drop": partial(drops.problems, schema=declaration.get("schema")),
    }


def _compiling_problems(schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what only the library that validates records can find in a right schema."""
    try:
        Validator(schema)
    except SchemaError as error:
        yield Problem(("schema",), str(error))
    else:
        yield from listed_values.problems(schema, ("schema",))
        yield from _long_types(schema)


def _long_types(schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each field of a record whose column Glue would refuse."""
    for name, field in schema["properties"].items():
        if (length := len(column_type(field))) > _LONGEST_TYPE:
            text = (
                f"makes a column whose type has {length} characters, allowed: {_LONGEST_TYPE}; "
                "leave fields out of the schema, or declare it without properties, as JSON text"
            )
            yield Problem(("schema", "properties", name), text)
