import json

import pytest

from tests.handlers.transform.datasets.declared import dataset, read

GOOD = {"order": "DE-1", "total": 1.5}
PATTERN = "a string that does not match the pattern ^[A-Z]{2}-[0-9]+$"
DATE_TIME = "a string that is not in the format date-time"
TEXT = "a number where a string is expected"
UNKNOWN = "a field that the dataset does not declare"
CENTS = "a number that is not a multiple of 0.01"
STREET = {"customer": {"name": "x", "address": {"street": 5}}}
CITY = {"customer": {"name": "x", "address": {"city": 5}}}
PRICES = {"items": [{"price": 1}, {"price": 0.001}]}


def rejected(record: dict, **keys: object) -> dict:
    (batch,) = read(json.dumps(record).encode(), ".json", dataset(**keys))
    line = json.loads(batch.rejects[0].line())
    assert line.pop("raw") == json.dumps(record)
    assert line.pop("line") == 1
    return line


@pytest.mark.parametrize(
    ("change", "field", "rule", "reason"),
    [
        ({"order": 5}, "order", "type", "a number where a string is expected"),
        ({"order": "secret"}, "order", "pattern", PATTERN),
        ({"order": None}, "order", "required", "it is missing"),
        ({"placed": "2023-02-29T10:00:00Z"}, "placed", "format", DATE_TIME),
        ({"status": "secret"}, "status", "enum", "a string that is none of the allowed values"),
        ({"quantity": 0}, "quantity", "minimum", "a number below the minimum 1"),
        ({"quantity": 1001}, "quantity", "maximum", "a number above the maximum 1000"),
        ({"quantity": 1.5}, "quantity", "type", "a number where an integer is expected"),
        ({"paid": "secret"}, "paid", "type", "a string where a boolean is expected"),
        ({"note": "secret" * 9}, "note", "maxLength", "a string longer than 20 characters"),
        ({"customer": {"x": 1}}, "customer.name", "required", "it is missing"),
        ({"customer": ["secret"]}, "customer", "type", "an array where an object is expected"),
        (CITY, "customer.address.city", "type", TEXT),
        (STREET, "customer.address.street", "additionalProperties", UNKNOWN),
        (PRICES, "items[1].price", "multipleOf", CENTS),
        ({"items": [{"price": 1}, {}]}, "items[1].price", "required", "it is missing"),
        ({"items": [1]}, "items[0]", "type", "a number where an object is expected"),
        ({"items": [{"price": 1}] * 4}, "items", "maxItems", "an array of more than 3 items"),
    ],
)  # fmt: skip
def test_a_reject_names_field_and_rule_and_never_the_value(change, field, rule, reason):
    line = rejected({**GOOD, **change})
    assert line == {"field": field, "rule": rule, "reason": f"{field}: {reason}"}
    assert "secret" not in json.dumps(line)


def test_a_rule_of_the_whole_record_has_no_field():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "maxProperties": 1}
    assert rejected({"a": "x", "b": 1}, schema=schema) == {
        "field": "",
        "rule": "maxProperties",
        "reason": "the record: an object of more than 1 fields",
    }


@pytest.mark.parametrize(
    ("keywords", "value", "reason"),
    [
        ({"type": "string", "minLength": 3}, "ab", "a string shorter than 3 characters"),
        ({"type": "string", "const": "x"}, "y", "a string that is not the one allowed value"),
        ({"type": "number", "exclusiveMinimum": 0}, 0, "a number not above 0"),
        ({"type": "number", "exclusiveMaximum": 0}, 0, "a number not below 0"),
        ({"type": "array", "minItems": 2}, [1], "an array of fewer than 2 items"),
        ({"type": "array", "uniqueItems": True}, [1, 1.0], "an array with an item twice"),
        ({"type": "object", "minProperties": 2}, {"a": 1}, "an object of fewer than 2 fields"),
        ({"type": ["string", "null"]}, 5, "a number where a string or null is expected"),
    ],
)  # fmt: skip
def test_reasons_of_the_other_rules(keywords, value, reason):
    schema = {"type": "object", "properties": {"a": keywords}}
    assert rejected({"a": value}, schema=schema)["reason"] == f"a: {reason}"


def test_a_reject_for_another_reason_has_neither_field_nor_rule():
    (batch,) = read(b"broken\n", ".json", dataset())
    assert json.loads(batch.rejects[0].line()).keys() == {"line", "reason", "raw"}
