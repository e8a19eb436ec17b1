"""The types of DuckDB for the types of the tables' columns. Pure."""

from typing import Final

_SCALARS: Final = {
    "string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN",
}  # fmt: skip


def duckdb_type(glue: str) -> str:
    """Return the type of DuckDB for a type of Glue.

    Raises ValueError for one that no column has.
    """
    kind, rest = _read_type(glue)
    if rest:
        msg = f"{glue!r} is no type of a column: {rest!r} follows it"
        raise ValueError(msg)
    return kind


def _read_type(text: str) -> tuple[str, str]:
    """Return the type that a text begins with, and what follows it."""
    if text.startswith("array<"):
        inner, rest = _read_type(text.removeprefix("array<"))
        return f"{inner}[]", rest.removeprefix(">")
    if text.startswith("struct<"):
        fields: list[str] = []
        rest = text.removeprefix("struct<")
        while not rest.startswith(">"):
            name, _, rest = rest.removeprefix(",").partition(":")
            inner, rest = _read_type(rest)
            fields.append(f'"{name}" {inner}')
        return f"STRUCT({', '.join(fields)})", rest[1:]
    for name, kind in _SCALARS.items():
        if text.startswith(name):
            return kind, text.removeprefix(name)
    msg = f"{text!r} is no type of a column, allowed: {', '.join(_SCALARS)}, array<>, struct<>"
    raise ValueError(msg)
