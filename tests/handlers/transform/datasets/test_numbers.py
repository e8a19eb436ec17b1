"""Numbers are compared as they are written, to the last digit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.transform.datasets.numbers import exact_number, is_multiple
from tests.handlers.transform.datasets.declared import field, result

digits = st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,2})?", fullmatch=True
)


@given(digits, st.sampled_from([0, 0.1, -0.3, 5, 1e22, 0.30000000000000004, 2**63]))
def test_a_number_is_on_the_same_side_of_a_bound_as_its_fraction(text, bound):
    value, exact, limit = exact_number(text), Fraction(text), Fraction(repr(bound))
    assert (value < bound) == (exact < limit)
    assert (value <= bound) == (exact <= limit)
    assert (value > bound) == (exact > limit)
    assert (value >= bound) == (exact >= limit)


@pytest.mark.parametrize("text", ["0.1000000000000000001", "0.09999999999999999999"])
def test_a_bound_is_the_number_that_is_written(text):
    """The double 0.1 is 0.1000000000000000055…"""
    value = exact_number(text)
    above = text.endswith("1")
    assert [value > 0.1, value >= 0.1, value < 0.1, value <= 0.1] == [above, above] + [
        not above
    ] * 2


@given(digits, st.sampled_from([1, 2, 3, 0.01, 0.1, 1e-7, 0.3, 100, 1e22]))
def test_a_number_is_a_multiple_as_its_fraction_is(text, step):
    assert is_multiple(exact_number(text), step) == (Fraction(text) % Fraction(repr(step)) == 0)


@pytest.mark.parametrize(
    "text", ["1e999999999", "-1e999999999999999999999", "1e-999999999999", "9" * 9000]
)
def test_a_huge_number_is_compared_at_once(text):
    value = exact_number(text)
    assert (value > 0) != text.startswith("-")
    assert is_multiple(value, 3) == (text == "9" * 9000)


@pytest.mark.parametrize(
    ("kind", "keywords", "text", "rule"),
    [
        ("number", {"minimum": 0.1}, "0.09999999999999999999", "minimum"),
        ("number", {"minimum": 0.1}, "0.1", ""),
        ("number", {"maximum": 0.1}, "0.10000000000000000001", "maximum"),
        ("number", {"maximum": 0.1}, "0.1", ""),
        ("number", {"exclusiveMinimum": 1e22}, "1e22", "exclusiveMinimum"),
        ("number", {"multipleOf": 0.01}, "19.01", ""),
        ("number", {"multipleOf": 0.01}, "19.011", "multipleOf"),
        ("number", {"multipleOf": 3}, "1e22", "multipleOf"),
        ("number", {"multipleOf": 0.3}, "1.7976931348623157e308", "multipleOf"),
        ("integer", {"multipleOf": 3}, "9223372036854775806", ""),
        ("integer", {"minimum": 1}, "1", ""),
        ("integer", {"minimum": 1}, "0", "minimum"),
        ("integer", {"enum": [1]}, "true", "type"),
        ("boolean", {"enum": [True]}, "1", "type"),
        ("number", {"enum": [1]}, "true", "type"),
    ],
)  # fmt: skip
def test_rules_of_numbers(kind, keywords, text, rule):
    rejects = result(f'{{"value":{text}}}'.encode(), ".json", field(kind, **keywords))[1]
    assert [broken for _, _, broken in rejects] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("9223372036854775807", ""),
        ("9223372036854775808", "maximum"),
        ("-9223372036854775809", "minimum"),
        ("18446744073709551616", "maximum"),
        ("1.0", ""),
        ("1.5", "type"),
        ("9007199254740993.0", ""),
        ("1e400", "maximum"),
    ],
)  # fmt: skip
def test_an_integer_has_64_bits(text, rule):
    rejects = result(f'{{"value":{text}}}'.encode(), ".json", field("integer"))[1]
    assert [broken for _, _, broken in rejects] == ([rule] if rule else [])


def test_a_json_number_is_written_as_it_would_be_without_a_dataset():
    data = b'{"value":1.0}\n{"value":12345678901234567890.5}\n'
    records, _, _ = result(data, ".json", field("number"))
    assert records == [b'{"value":1.0}', b'{"value":12345678901234567890.5}']
