"""A second, slow implementation of what a dataset asks of records, to compare the first with.

Schemas are checked by jsonschema's own validator, numbers as exact fractions.
"""

import calendar
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

from tests.handlers.transform.reference import Fields, Number, snake_case

FORMATS = FormatChecker(formats=())
BEYOND = 4_000  # tens of a number whose exponent no Decimal has; Python writes integers of so many


class Declared:
    """What a declaration asks of records."""

    def __init__(self, declaration: dict[str, Any]) -> None:
        csv = declaration.get("csv", {})
        self.delimiter = csv.get("delimiter", "")
        self.encoding = csv.get("encoding", "")
        self.header = csv.get("header", [])
        self._unknown = declaration.get("unknownFields", "keep")
        self._dropped = [path.split(".") for path in declaration.get("drop", [])]
        self._properties = declaration["schema"]["properties"]
        self._validator = VALIDATOR(_bounded(declaration["schema"]), format_checker=FORMATS)

    def drop(self, value: Any) -> Any:
        for path in self._dropped:
            value = _without(value, path)
        return value

    def judge(self, record: Fields, values: Any = None) -> tuple[Fields | None, set]:
        """Return a cleaned record as it is written, and all that it breaks, as (field, rule)."""
        values = _exact(record) if values is None else values
        unknown = [name for name, _ in record if name not in self._properties]
        if unknown and self._unknown == "reject":
            return None, {(name, "unknownFields") for name in unknown}
        if unknown and self._unknown == "rescue":
            values = {name: value for name, value in values.items() if name not in unknown}
            rescued = Fields((name, value) for name, value in record if name in unknown)
            known = [(name, value) for name, value in record if name not in unknown]
            record = Fields([*known, ("_rescued", rescued)])
        broken = set()
        for error in self._validator.iter_errors(values):
            broken |= set(_broken(error))
        return record, broken

    def judge_cells(self, record: Fields) -> tuple[Fields | None, set]:
        """Do the same for the cells of a row."""
        unknown = [name for name, _ in record if name not in self._properties]
        if unknown and self._unknown == "reject":
            return None, {(name, "unknownFields") for name in unknown}
        typed = Fields((name, _typed(cell, self._kind(name))) for name, cell in record)
        wrong = {(name, "type") for name, value in typed if value is None}
        return (None, wrong) if wrong else self.judge(typed)

    def _kind(self, name: str) -> str:
        kinds = self._properties.get(name, {}).get("type", "string")
        return kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null")


def _without(value: Any, path: list[str]) -> Any:
    if isinstance(value, Fields):
        kept = Fields()
        for name, child in value:
            if snake_case(name) != path[0]:
                kept.append((name, child))
            elif len(path) > 1:
                kept.append((name, _without(child, path[1:])))
        return kept
    return [_without(child, path) for child in value] if isinstance(value, list) else value


def _typed(cell: str, kind: str) -> Any:
    """Return what a cell becomes; None if the record is rejected."""
    digits = cell.removeprefix("-")
    whole = digits.isdecimal() and digits.isascii() and (digits == "0" or digits[0] != "0")
    if kind == "string":
        return cell
    if kind == "integer" and whole and cell != "-0" and -(2**63) <= int(cell) < 2**63:
        return Number(cell)
    if kind == "number" and re.match(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z", cell):
        return None if abs(float(cell)) == float("inf") else Number(cell)
    letters = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in cell)
    return {"true": True, "false": False}.get(letters) if kind == "boolean" else None


def _exact(value: Any) -> Any:
    if isinstance(value, Number):
        return _number(value.digits)
    if isinstance(value, Fields):
        return {name: _exact(child) for name, child in value}
    return [_exact(child) for child in value] if isinstance(value, list) else value


def _number(digits: str) -> int | Decimal:
    """Return a number; a whole one is an int, unless it has more digits than anyone can hold."""
    try:
        decimal = Decimal(digits)
    except InvalidOperation:
        mantissa, _, power = digits.lower().partition("e")
        return Decimal(mantissa).scaleb(-BEYOND if power.startswith("-") else BEYOND)
    whole = decimal.adjusted() <= BEYOND and decimal == decimal.to_integral_value()
    return int(decimal) if whole else decimal


def _bounded(schema: Any) -> Any:
    """Return a schema with exact numbers, and with the bounds of 64 bits for integers."""
    if isinstance(schema, float):
        return _number(repr(schema))
    if isinstance(schema, list):
        return [_bounded(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    exact = {key: _bounded(value) for key, value in schema.items()}
    kinds = schema.get("type", "")
    if isinstance(kinds, str | list) and "integer" in kinds:
        exact["minimum"] = max(exact.get("minimum", -(2**63)), -(2**63))
        exact["maximum"] = min(exact.get("maximum", 2**63 - 1), 2**63 - 1)
    return exact


def _broken(error: Any) -> list[tuple[str, str]]:
    path = ""
    for step in error.absolute_path:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    rule = error.validator
    if rule == "required":
        names = [name for name in error.validator_value if name not in error.instance]
    elif rule == "additionalProperties":
        names = [name for name in error.instance if name not in error.schema.get("properties", {})]
    else:
        return [(path.removeprefix("."), rule)]
    return [(f"{path}.{name}".removeprefix("."), rule) for name in names]


def _multiple_of(_: Any, step: Any, value: Any, __: Any) -> Any:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        far = isinstance(value, Decimal) and abs(value.adjusted()) > 2 * BEYOND
        if far or Fraction(value) % Fraction(step):
            yield ValidationError("no multiple")


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Any:
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value, re.ASCII):
        yield ValidationError("no match")


VALIDATOR = extend(Draft202012Validator, {"multipleOf": _multiple_of, "pattern": _pattern})


@FORMATS.checks("date")
def is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    parts = value.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not "".join(parts).isdecimal():
        return False
    year, month, day = map(int, parts)
    known = value.isascii() and year > 0 and 1 <= month <= 12
    return known and 1 <= day <= calendar.monthrange(year, month)[1]


@FORMATS.checks("date-time")
def is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    time = re.match(
        r"(\d\d):(\d\d):(\d\d)(\.\d+)?([zZ]|([-+])(\d\d):(\d\d))\Z", value[11:], re.ASCII
    )
    if value[10:11] not in ("T", "t") or not is_date(value[:10]) or not time:
        return False
    hour, minute, second = (int(time[at]) for at in (1, 2, 3))
    sign, hours, minutes = time[6] or "+", int(time[7] or 0), int(time[8] or 0)
    if hour > 23 or minute > 59 or hours > 23 or minutes > 59:
        return False
    utc = 60 * hour + minute - (60 * hours + minutes) * (1 if sign == "+" else -1)
    return second < 60 or (second == 60 and utc % 1440 == 1439)


@FORMATS.checks("uuid")
def is_uuid(value: object) -> bool:
    parts = value.split("-") if isinstance(value, str) else []
    sizes = [len(part) for part in parts] == [8, 4, 4, 4, 12]
    return not isinstance(value, str) or (
        sizes and set("".join(parts)) <= set("0123456789abcdefABCDEF")
    )
