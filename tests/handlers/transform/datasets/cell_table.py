"""Which cells of delimited text become which values: one row a rule, as the pages show it."""

from typing import NamedTuple


class Row(NamedTuple):
    """A cell, the declared type, and what is written for it; None if the record is rejected."""

    cell: str
    kind: str
    written: str | None
    why: str = ""


TABLE = (
    Row("Main Street 1", "string", '"Main Street 1"', "as it is"),
    Row(" x ", "string", '" x "', "as it is, spaces included"),
    Row("007", "string", '"007"', "as it is"),
    Row("", "string", "", "an empty cell is a missing field"),
    Row("0", "integer", "0"),
    Row("42", "integer", "42"),
    Row("-17", "integer", "-17"),
    Row("9223372036854775807", "integer", "9223372036854775807", "the largest of 64 bits"),
    Row("-9223372036854775808", "integer", "-9223372036854775808", "the smallest of 64 bits"),
    Row("9223372036854775808", "integer", None, "beyond 64 bits"),
    Row("-9223372036854775809", "integer", None, "beyond 64 bits"),
    Row("", "integer", "", "an empty cell is a missing field"),
    Row("-0", "integer", None, "its sign would be lost"),
    Row("007", "integer", None, "its zeros would be lost"),
    Row("+5", "integer", None, "its sign would be lost"),
    Row(" 5", "integer", None, "a space"),
    Row("5 ", "integer", None, "a space"),
    Row("1.0", "integer", None, "a point"),
    Row("1e3", "integer", None, "an exponent"),
    Row("1,000", "integer", None, "a comma"),
    Row("1_000", "integer", None, "an underscore"),
    Row("٣", "integer", None, "a digit of another script"),
    Row("12", "number", "12"),
    Row("12.50", "number", "12.50", "its digits are written as they are"),
    Row("1e3", "number", "1e3", "its digits are written as they are"),
    Row("1.5E-7", "number", "1.5E-7", "its digits are written as they are"),
    Row("-0.5", "number", "-0.5"),
    Row("-0", "number", "-0", "its digits are written as they are"),
    Row("0.12345678901234567890", "number", "0.12345678901234567890", "no digit is lost"),
    Row("", "number", "", "an empty cell is a missing field"),
    Row("1e999", "number", None, "beyond a double"),
    Row(".5", "number", None, "no digit before the point"),
    Row("5.", "number", None, "no digit after the point"),
    Row("007.5", "number", None, "its zeros would be lost"),
    Row("+5", "number", None, "its sign would be lost"),
    Row("1,5", "number", None, "a comma"),
    Row(" 1.5", "number", None, "a space"),
    Row("1 000", "number", None, "a space"),
    Row("NaN", "number", None, "no number of JSON"),
    Row("Infinity", "number", None, "no number of JSON"),
    Row("0x1F", "number", None, "no number of JSON"),
    Row("true", "boolean", "true"),
    Row("FALSE", "boolean", "false", "in any case"),
    Row("True", "boolean", "true", "in any case"),
    Row("", "boolean", "", "an empty cell is a missing field"),
    Row("1", "boolean", None, "a number"),
    Row("yes", "boolean", None, "another word"),
    Row("t", "boolean", None, "another word"),
    Row(" true", "boolean", None, "a space"),
    Row("[1]", "array", None, "no cell is an array"),
    Row("", "array", "", "an empty cell is a missing field"),
    Row('{"a":1}', "object", None, "no cell is an object"),
)  # fmt: skip
