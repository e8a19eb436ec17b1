from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.transform.records.json_text import is_kept
from handlers.transform.records.numbers import parse_decimal, parse_integer
from tests.handlers.transform.transformed import batches_of, bodies

EXACT = (
    "0", "1.5", "-1", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
    "0.1", "3.141592653589793", "0.30000000000000004", "1e22", "1234567890123456",
    "123456789012.345", "-0.5e-9", "1.7976931348623157",
)  # fmt: skip
INEXACT = (
    "18446744073709551616", "-9223372036854775809", "123456789012345678901234567890",
    "0.12345678901234567890", "0.1000000000000000055", "9007199254740993.0", "9007199254740993e0",
    "1234567890123456e3", "1e-400", "1.5E-310", "2e-0400", "0.000000000000000000000000001",
)  # fmt: skip


def written(number: str) -> bytes:
    """Return how a number is written in a record: of a line, an element, and next to another."""
    record = b'{"a":%b}' % number.encode()
    outputs = {
        tuple(bodies(batches_of(data, ".json")))
        for data in (record, record + b"\n", b"[%b]" % record, b"[ %b ]" % record)
    }
    assert len(outputs) == 1
    (body,) = outputs.pop()
    return body.removeprefix(b'{"a":').removesuffix(b"}")


@pytest.mark.parametrize("number", EXACT + INEXACT)
def test_numbers_keep_their_value(number):
    assert Decimal(written(number).decode()) == Decimal(number)


@pytest.mark.parametrize(
    "number",
    [
        "123456789012345678901234567890",
        "0.12345678901234567890",
        "18446744073709551616",
        "1e400",
        "1e-400",
    ],
)
def test_a_number_that_fits_neither_64_bits_nor_a_double_keeps_its_digits(number):
    assert written(number).decode() == number


@pytest.mark.parametrize("number", INEXACT)
def test_an_inexact_number_is_found_anywhere(number):
    for text in (
        '{"a":%s}',
        '{"a": %s }',
        '{"a":[1,%s]}',
        '{"a":[%s,1]}',
        '{"a":[\n%s\n]}',
        '{"x":"y","a":%s}',
    ):
        block = (text % number).encode()
        assert not is_kept(block, text.count('":')), block


@pytest.mark.parametrize("number", EXACT)
def test_an_exact_number_takes_the_fast_path(number):
    assert is_kept(b'{"a":%b}' % number.encode(), 1)


@pytest.mark.parametrize(
    "string",
    [
        "123456789012345678901234567890",
        "192.168.100.100.192.168",
        "0123456789abcdef0123456789012345",
    ],
)
def test_digits_in_a_string_are_not_a_number(string):
    assert is_kept(b'{"a":"%b"}' % string.encode(), 1)


@given(st.integers())
def test_integers_keep_their_digits(value):
    parsed = parse_integer(str(value))
    assert orjson.dumps(parsed) == str(value).encode()
    assert written(str(value)) == str(value).encode()


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_keep_their_value(value):
    number = str(value)
    assert Decimal(orjson.dumps(parse_decimal(number)).decode()) == value
    assert Decimal(written(number).decode()) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_take_the_fast_path_unless_they_are_tiny(value):
    number = orjson.dumps(value)
    assert float(written(number.decode())) == value
    if abs(value) > 1e-99 and len(number) <= 16:
        assert is_kept(b'{"a":%b}' % number, 1)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_json_does_not_have_are_bad_records(constant):
    data = b'{"a":1}\n{"a":[%b]}\n{"a":2}\n' % constant.encode()
    (batch,) = batches_of(data, ".ndjson")
    assert bodies([batch]) == [b'{"a":1}', b'{"a":2}']
    assert [(r.place, r.reason) for r in batch.rejects] == [
        ("line 2", f"{constant} is not a JSON number")
    ]
