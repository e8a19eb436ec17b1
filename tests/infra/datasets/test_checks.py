"""Each rule of a declaration: what it refuses, in its words, and what it takes."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.transform.datasets.formats import FORMATS
from handlers.transform.datasets.schemas import ANNOTATIONS, KEYWORDS
from infra.datasets.checks import declarations, keywords
from infra.datasets.columns import column_type
from tests.infra.datasets.declared import declaration, problems, schema

FIELD = "schema.properties.f"


def found(**changed: Any) -> list[str]:
    """Return what is wrong with a declaration of which some keys are set."""
    return [str(problem) for problem in declarations.problems(declaration(**changed))]


def of_field(field: Any) -> list[str]:
    """Return what is wrong with the schema of a field."""
    return found(schema=schema({"f": field}))


# What is set, and the beginning of the one problem.
WRONG_KEYS: list[tuple[dict[str, Any], str]] = [
    ({"prefix": None}, "prefix: is not set, allowed: a folder below incoming/"),
    ({"schema": None}, "schema: is not set, allowed: the JSON Schema of a record"),
    ({"prefx": "a/"}, "prefx: is not a key of a dataset, did you mean prefix?"),
    ({"unknown_fields": "keep"}, "unknown_fields: is not a key of a dataset, did you mean unkn"),
    ({"colour": 1}, "colour: is not a key of a dataset, allowed: csv, description, drop,"),
    ({"a b": 1}, '"a b": is not a key of a dataset'),
    ({"description": 3}, "description: 3 is a whole number, allowed: a text of at most 2048"),
    ({"description": "x" * 2049}, f'description: "{"x" * 59}… is a text, allowed: a text of at'),
    ({"description": "a\x07"}, 'description: "a\\u0007" is a text, allowed: a text of at most'),
    ({"unknownFields": "drop"}, 'unknownFields: "drop" is a text, allowed: keep, reject, rescue'),
    ({"unknownFields": ["keep"]}, 'unknownFields: ["keep"] is a list, allowed: keep, reject'),
    ({"unknownFields": True}, "unknownFields: true is true or false, allowed: keep"),
    ({"maxRejectedPercent": -1}, "maxRejectedPercent: -1 is a whole number, allowed: a number f"),
    ({"maxRejectedPercent": 100.5}, "maxRejectedPercent: 100.5 is a number, allowed: a number fr"),
    ({"maxRejectedPercent": "5"}, 'maxRejectedPercent: "5" is a text, allowed: a number from 0 t'),
    ({"maxRejectedPercent": True}, "maxRejectedPercent: true is true or false, allowed: a numbe"),
    ({"csv": ";"}, 'csv: ";" is a text, allowed: an object of delimiter, encoding, header'),
    ({"csv": {"delimeter": ";"}}, "csv.delimeter: is not an option of CSV, did you mean delimit"),
    ({"csv": {"delimiter": ":"}}, 'csv.delimiter: ":" is a text, allowed: one of ",", ";", "|",'),
    ({"csv": {"delimiter": ",;"}}, 'csv.delimiter: ",;" is a text, allowed: one of ","'),
    ({"csv": {"encoding": "utf-8"}}, 'csv.encoding: "utf-8" is a text, allowed: an encoding tha'),
    ({"csv": {"encoding": "ansi"}}, 'csv.encoding: "ansi" is a text, allowed: an encoding that'),
    ({"csv": {"encoding": 1252}}, "csv.encoding: 1252 is a whole number, allowed: an encoding"),
    ({"csv": {"header": []}}, "csv.header: [] is a list, allowed: a list of the names of the col"),
    ({"csv": {"header": "a,b"}}, 'csv.header: "a,b" is a text, allowed: a list of the names'),
    ({"csv": {"header": ["a", 1]}}, "csv.header[1]: 1 is a whole number, allowed: the name of"),
    ({"csv": {"header": ["a", " "]}}, 'csv.header[1]: " " is a text, allowed: the name of a colu'),
    (
        {"csv": {"header": ["userName", "x", "User name"]}},
        'csv.header[2]: "User name" comes twice: "userName" is user_name, too, once cleaned',
    ),
    ({"drop": "card"}, 'drop: "card" is a text, allowed: a list of different fields'),
    ({"drop": [1]}, "drop[0]: 1 is a whole number, allowed: a list of different fields"),
    ({"drop": ["a", "a"]}, 'drop[1]: "a" is a text, allowed: a list of different fields'),
    ({"drop": ["a..b"]}, 'drop[0]: "a..b" is a text, allowed: a list of different fields'),
    ({"drop": [""]}, 'drop[0]: "" is a text, allowed: a list of different fields'),
    (
        {"drop": ["customer.cardNumber"]},
        'drop[0]: "customer.cardNumber" is not a cleaned name, use',
    ),
    (
        {"drop": ["total"]},
        'drop[0]: "total" is a text, allowed: fields that the schema does not de',
    ),
    (
        {
            "drop": ["lines.product.cost"],
            "schema": schema(
                {
                    "lines": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "product": {
                                    "type": "object",
                                    "properties": {"cost": {"type": "number"}},
                                }
                            },
                        },
                    }
                }
            ),
        },
        'drop[0]: "lines.product.cost" is a text, allowed: fields that the schema does not declare',
    ),
]

TAKEN_KEYS: list[dict[str, Any]] = [
    {"description": "Orders,\n\tone a record: é €"},
    {"unknownFields": "keep"},
    {"unknownFields": "reject"},
    {"unknownFields": "rescue"},
    {"maxRejectedPercent": 0},
    {"maxRejectedPercent": 0.5},
    {"maxRejectedPercent": 100},
    {"csv": {}},
    {"csv": {"delimiter": "\t", "encoding": "Windows-1252", "header": ["User name", "x"]}},
    *({"csv": {"delimiter": delimiter}} for delimiter in ",;|"),
    {"drop": []},
    {"drop": ["card_number", "customer.card_number", "größe", "total.deeper"]},
]


@pytest.mark.parametrize(("changed", "problem"), WRONG_KEYS, ids=str)
def test_a_wrong_key_is_refused(changed: dict[str, Any], problem: str):
    (one,) = found(**changed)

    assert one.startswith(problem)


@pytest.mark.parametrize("changed", TAKEN_KEYS, ids=str)
def test_a_right_key_is_taken(changed: dict[str, Any]):
    assert found(**changed) == []


@pytest.mark.parametrize(
    "prefix",
    [
        *(
            "",
            "/",
            "shop",
            "/shop/",
            "shop//orders/",
            "incoming/",
            "incoming/shop/",
            "../",
            "a/../",
        ),
        *("_tmp/", "a/_b/", ".a/", "a b/", "é/", "a*/", "shop/\n", "a" * 512 + "/", 3, None),
    ],
)
def test_a_prefix_that_is_no_folder_of_tables_is_refused(prefix: object):
    (one,) = [
        str(problem)
        for problem in declarations.problems({"prefix": prefix, "schema": declaration()["schema"]})
    ]

    assert one.startswith("prefix: ")
    assert ", allowed: a folder below incoming/, such as shop/orders/: names of let" in one


@pytest.mark.parametrize("prefix", ["a/", "Shop/2024=x/a.b-c_d/", "-/", "0/", "a" * 511 + "/"])
def test_a_prefix_that_is_a_folder_is_taken(prefix: str):
    assert found(prefix=prefix) == []


TYPES = 'one of string, integer, number, boolean, object, array, or a list of one of them and "nu'
WRONG_SCHEMAS: list[tuple[Any, list[str]]] = [
    ([], ["schema: [] is a list, allowed: an object, {type: object, properties: {…}} say"]),
    (True, ["schema: true is true or false, allowed: an object"]),
    (
        {},
        [
            "schema.type: is not set, allowed: object",
            "schema.properties: is not set, allowed: the schema of each field",
        ],
    ),
    (schema({}), ["schema.properties: is empty, allowed: the schema of each field"]),
    (
        {"type": "object", "properties": None},
        ["schema.properties: is empty, allowed: the schema of each field"],
    ),
    (
        {"type": ["object", "null"], "properties": {"f": {"type": "string"}}},
        ['schema.type: ["object", "null"] is a list, allowed: object'],
    ),
    (
        schema({"f": {"type": "string"}}, additionalProperties=False),
        ["schema.additionalProperties: is not for the record itself, use unknownFields"],
    ),
    (
        schema({"f": {"type": "string"}}, const={"f": "a"}),
        ["schema.const: is not for the record itself, allowed: type, properties, required"],
    ),
    (
        schema({"f": {"type": "string"}}, required=["g", "f"]),
        ['schema.required[0]: "g" is not one of the properties, '],
    ),
    (
        schema({"total": {"type": "string"}}, required=["totl"]),
        ['schema.required[0]: "totl" is not one of the properties, did you mean total?'],
    ),
    (
        schema({"f": {"type": "string"}}, required="f"),
        ['schema.required: "f" is a text, allowed: a list of different names of properties'],
    ),
    (
        schema({"f": {"type": "string"}}, required=["f", "f"]),
        ['schema.required: ["f", "f"] is a list, allowed: a list of different names'],
    ),
    (
        schema({"f": {"type": "string"}}, required=["f"], maxProperties=0),
        ["schema.maxProperties: 0 is a whole number, allowed: at least 1, as are required"],
    ),
    (
        schema({"f": {"type": "string"}}, **{"$schema": "http://json-schema.org/draft-07/schema"}),
        ['schema.$schema: "http://json-schema.org/draft-07/schema" is a text, allowed: https://js'],
    ),
    (
        {"type": "object", "properties": [1]},
        ["schema.properties: [1] is a list, allowed: an object of the schema of each field"],
    ),
    (
        schema({"userName": {"type": "string"}}),
        ["schema.properties.userName: no record has this field, since names are cleaned: use user"],
    ),
    (schema({"_x": {"type": "string"}}), ["schema.properties._x: no record has this field"]),
    (
        schema({"größe": {"type": "string"}}),
        ['schema.properties."größe": cannot be the name of a column, allowed: letters a to z'],
    ),
    (
        schema({"a" * 256: {"type": "string"}}),
        [f"schema.properties.{'a' * 256}: cannot be the name of a column"],
    ),
    (
        schema({"partition_day": {"type": "string"}}),
        ["schema.properties.partition_day: is the name of the partition of each table"],
    ),
]


@pytest.mark.parametrize(("wrong", "expected"), WRONG_SCHEMAS, ids=lambda it: str(it)[:60])
def test_a_wrong_schema_of_a_record_is_refused(wrong: Any, expected: list[str]):
    said = found(schema=wrong)

    assert [it[: len(start)] for it, start in zip(said, expected, strict=True)] == expected


def test_a_field_within_another_may_have_the_partitions_name():
    inner = {"type": "object", "properties": {"partition_day": {"type": "string"}}}

    assert of_field(inner) == []


WRONG_FIELDS: list[tuple[Any, str]] = [
    ({"type": "integer", "enum": [5, 1], "minimum": 5}, f"{FIELD}.enum[1]: 1 breaks minimum besi"),
    ({"type": "string", "const": "a", "format": "date"}, f'{FIELD}.const: "a" breaks format bes'),
    ({"type": "integer", "enum": [2**63]}, f"{FIELD}.enum[0]: 9223372036854775808 breaks maximum"),
    (
        {"type": "array", "items": {"type": "string", "enum": ["ab"], "maxLength": 1}},
        f'{FIELD}.items.enum[0]: "ab" breaks maxLength beside it, allowed: a value that meets it',
    ),
    (
        {
            "type": "object",
            "properties": {"a": {"type": "string", "const": "b", "pattern": "a"}},
        },
        f'{FIELD}.properties.a.const: "b" breaks pattern beside it',
    ),
    (True, f"{FIELD}: true is true or false, allowed: a schema, {{type: string}} say"),
    ({}, f"{FIELD}.type: is not set, allowed: {TYPES}"),
    ({"type": "text"}, f'{FIELD}.type: "text" is a text, allowed: {TYPES}'),
    ({"type": "null"}, f'{FIELD}.type: "null" is a text, allowed: {TYPES}'),
    ({"type": ["null"]}, f'{FIELD}.type: ["null"] is a list, allowed: {TYPES}'),
    ({"type": []}, f"{FIELD}.type: [] is a list, allowed: {TYPES}"),
    ({"type": ["string", "integer"]}, f'{FIELD}.type: ["string", "integer"] is a list, allowed'),
    ({"type": ["string", "string"]}, f'{FIELD}.type: ["string", "string"] is a list, allowed'),
    ({"type": 3}, f"{FIELD}.type: 3 is a whole number, allowed: {TYPES}"),
    ({"type": {}}, f"{FIELD}.type: {{}} is an object, allowed: {TYPES}"),
    ({"type": "string", "$schema": "x"}, f"{FIELD}.$schema: stands within the schema, allowed"),
    ({"type": "string", "minlength": 3}, f"{FIELD}.minlength: is not a supported keyword, did y"),
    ({"type": "string", "colour": 3}, f"{FIELD}.colour: is not a supported keyword, allowed: $c"),
    ({"type": "string", "minimum": 3}, f"{FIELD}.minimum: says nothing of type string, allowed:"),
    ({"type": "number", "pattern": "a"}, f"{FIELD}.pattern: says nothing of type number, allowed"),
    ({"type": "boolean", "minimum": 1}, f"{FIELD}.minimum: says nothing of type boolean, allowed"),
    ({"type": "object", "items": {"type": "string"}}, f"{FIELD}.items: says nothing of type obj"),
    ({"type": "array", "minProperties": 1}, f"{FIELD}.minProperties: says nothing of type array"),
    ({"type": "string", "title": 3}, f"{FIELD}.title: 3 is a whole number, allowed: a text"),
    ({"type": "string", "deprecated": 1}, f"{FIELD}.deprecated: 1 is a whole number, allowed: t"),
    ({"type": "string", "examples": "a"}, f'{FIELD}.examples: "a" is a text, allowed: a list of'),
    ({"type": "string", "enum": []}, f"{FIELD}.enum: [] is a list, allowed: a list of different"),
    ({"type": "string", "enum": "a"}, f'{FIELD}.enum: "a" is a text, allowed: a list of differe'),
    ({"type": "string", "enum": ["a", "a"]}, f'{FIELD}.enum: ["a", "a"] is a list, allowed: a'),
    ({"type": "string", "enum": ["a", 1]}, f"{FIELD}.enum[1]: 1 is a whole number, allowed: val"),
    ({"type": "string", "enum": ["a", None]}, f"{FIELD}.enum[1]: is empty, allowed: values"),
    ({"type": "integer", "enum": [1, 1.5]}, f"{FIELD}.enum[1]: 1.5 is a number, allowed: values"),
    ({"type": "integer", "enum": [True]}, f"{FIELD}.enum[0]: true is true or false, allowed: va"),
    ({"type": "boolean", "enum": [1]}, f"{FIELD}.enum[0]: 1 is a whole number, allowed: values"),
    ({"type": "boolean", "const": "yes"}, f'{FIELD}.const: "yes" is a text, allowed: values of'),
    ({"type": ["string", "null"], "const": 1}, f"{FIELD}.const: 1 is a whole number, allowed: v"),
    ({"type": "string", "minLength": -1}, f"{FIELD}.minLength: -1 is a whole number, allowed: a"),
    ({"type": "string", "minLength": 1.0}, f"{FIELD}.minLength: 1.0 is a number, allowed: a who"),
    ({"type": "string", "minLength": True}, f"{FIELD}.minLength: true is true or false, allowed"),
    (
        {"type": "string", "minLength": 3, "maxLength": 2},
        f"{FIELD}.maxLength: 2 is a whole number, allowed: at least minLength, 3",
    ),
    (
        {"type": "array", "minItems": 3, "maxItems": 2},
        f"{FIELD}.maxItems: 2 is a whole number, allowed: at least minItems, 3",
    ),
    (
        {"type": "object", "minProperties": 3, "maxProperties": 2},
        f"{FIELD}.maxProperties: 2 is a whole number, allowed: at least minProperties, 3",
    ),
    ({"type": "string", "pattern": "["}, f'{FIELD}.pattern: "[" is a text, allowed: a regular e'),
    ({"type": "string", "pattern": "[[a]"}, f'{FIELD}.pattern: "[[a]" is a text, allowed: a reg'),
    ({"type": "string", "pattern": r"\p{L}"}, f'{FIELD}.pattern: "\\\\p{{L}}" is a text, allowed'),
    ({"type": "string", "pattern": 3}, f"{FIELD}.pattern: 3 is a whole number, allowed: a regul"),
    ({"type": "string", "pattern": "a{9999999999}"}, f'{FIELD}.pattern: "a{{9999999999}}" is a t'),
    (
        {"type": "string", "pattern": "^(a+)+$"},
        f'{FIELD}.pattern: "^(a+)+$" repeats a group with a',
    ),
    ({"type": "string", "format": "url"}, f'{FIELD}.format: "url" is a text, allowed: date, dat'),
    ({"type": "string", "format": ["date"]}, f'{FIELD}.format: ["date"] is a list, allowed: dat'),
    ({"type": "number", "minimum": "0"}, f'{FIELD}.minimum: "0" is a text, allowed: a number'),
    ({"type": "number", "minimum": False}, f"{FIELD}.minimum: false is true or false, allowed:"),
    ({"type": "number", "exclusiveMinimum": True}, f"{FIELD}.exclusiveMinimum: true is true or"),
    ({"type": "number", "multipleOf": 0}, f"{FIELD}.multipleOf: 0 is a whole number, allowed: a"),
    ({"type": "number", "multipleOf": -0.1}, f"{FIELD}.multipleOf: -0.1 is a number, allowed: a"),
    (
        {"type": "number", "minimum": 2, "maximum": 1},
        f"{FIELD}.maximum: no number is within minimum 2, maximum 1, allowed: bounds with one bet",
    ),
    (
        {"type": "number", "minimum": 1, "exclusiveMaximum": 1},
        f"{FIELD}.exclusiveMaximum: no number is within minimum 1, exclusiveMaximum 1, allowed",
    ),
    (
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        f"{FIELD}.exclusiveMaximum: no whole number of 64 bits is within exclusiveMinimum 1, exc",
    ),
    (
        {"type": "integer", "minimum": 1.2, "maximum": 1.8},
        f"{FIELD}.maximum: no whole number of 64 bits is within minimum 1.2, maximum 1.8",
    ),
    ({"type": "integer", "minimum": 1e19}, f"{FIELD}.minimum: no whole number of 64 bits is wit"),
    ({"type": "integer", "maximum": -1e19}, f"{FIELD}.maximum: no whole number of 64 bits is wi"),
    ({"type": "array", "uniqueItems": "yes"}, f'{FIELD}.uniqueItems: "yes" is a text, allowed:'),
    ({"type": "array", "items": {}}, f"{FIELD}.items.type: is not set, allowed: one of string"),
    ({"type": "array", "items": [{"type": "string"}]}, f'{FIELD}.items: [{{"type": "string"}}] is'),
    (
        {"type": "object", "additionalProperties": {"type": "string"}},
        f'{FIELD}.additionalProperties: {{"type": "string"}} is an object, allowed: true or false',
    ),
    (
        {"type": "object", "properties": {"a": {"type": "x"}}},
        f'{FIELD}.properties.a.type: "x" is a text, allowed: one of string',
    ),
    (
        {"type": "object", "properties": {"aB": {"type": "string"}}},
        f"{FIELD}.properties.aB: no record has this field, since names are cleaned: use a_b",
    ),
]

TAKEN_FIELDS: list[Any] = [
    {"type": "string", "enum": ["ab", "abc"], "minLength": 2, "pattern": "^a"},
    {"type": ["integer", "null"], "enum": [3, None], "minimum": 3},
    *({"type": name} for name in ("string", "integer", "number", "boolean", "object", "array")),
    {"type": ["null", "integer"], "enum": [1, None]},
    {"type": ["string", "null"], "const": None},
    {"type": "number", "enum": [1, 2.5], "title": "a", "description": "b", "default": None},
    *({"type": "string", "pattern": it} for it in ("^(-a+)*$", "^(a++b?)*$", "^a+$")),
    {"type": "array", "const": [1, {"a": None}], "$comment": "c", "examples": []},
    {"type": "string", "minLength": 2, "maxLength": 2, "pattern": "^(?P<a>[A-Z])\\d+$"},
    *({"type": "string", "format": name} for name in sorted(FORMATS)),
    {"type": "number", "minimum": 1, "maximum": 1, "multipleOf": 0.1},
    {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 1.0000001},
    {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3},
    {"type": "integer", "minimum": -1e30, "maximum": 1e30},
    {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    {"type": "array", "items": {"type": "array"}, "minItems": 0, "maxItems": 0},
    {"type": "array", "uniqueItems": True, "deprecated": True, "readOnly": False},
    {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    },
    {"type": "object", "required": []},
]


@pytest.mark.parametrize(("field", "problem"), WRONG_FIELDS, ids=str)
def test_a_wrong_schema_of_a_field_is_refused(field: Any, problem: str):
    (one,) = of_field(field)

    assert one.startswith(problem)


@pytest.mark.parametrize("field", TAKEN_FIELDS, ids=str)
def test_a_right_schema_of_a_field_is_taken(field: Any):
    assert of_field(field) == []


INSTEAD = {
    "$ref": "write the schema out where it is used",
    "$defs": "write the schema out where it is used",
    "anyOf": "a field has one type: declare that, or leave the field out of the schema",
    "if": "a field has one type: declare that, or leave the field out of the schema",
    "patternProperties": "name each field under properties",
    "unevaluatedProperties": "use additionalProperties",
    "prefixItems": "use items, with one schema for all",
    "contains": "the rule cannot be checked: leave it out",
    "dependentRequired": "the rule cannot be checked: leave it out",
    "nullable": 'use type: [string, "null"]',
}


@pytest.mark.parametrize(("keyword", "instead"), INSTEAD.items())
def test_a_keyword_that_is_not_supported_is_refused_with_what_to_do(keyword: str, instead: str):
    assert of_field({"type": "string", keyword: {}}) == [
        f"{FIELD}.{keyword}: is not supported, {instead}"
    ]


# https://json-schema.org/draft/2020-12/meta/: core, applicator, unevaluated, validation, …
STANDARD = [
    "$id",
    "$schema",
    "$ref",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$vocabulary",
    "$comment",
    "$defs",
    "prefixItems",
    "items",
    "contains",
    "additionalProperties",
    "properties",
    "patternProperties",
    "dependentSchemas",
    "propertyNames",
    "if",
    "then",
    "else",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "unevaluatedItems",
    "unevaluatedProperties",
    "type",
    "const",
    "enum",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
]


def test_each_supported_keyword_says_something_of_a_type():
    assert keywords.OF_ANY_TYPE.union(*keywords.OF_TYPE.values()) == KEYWORDS


def test_every_keyword_of_the_standard_is_supported_or_refused_with_what_to_do():
    assert set(STANDARD) >= KEYWORDS | ANNOTATIONS
    for keyword in set(STANDARD) - KEYWORDS - ANNOTATIONS:
        (problem,) = of_field({"type": "string", keyword: {}})
        assert problem.startswith(f"{FIELD}.{keyword}: is not supported, "), keyword


def nested(levels: int, *, arrays: bool) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "string", "minLength": 1, "format": "date"}
    for _ in range(levels):
        inner = (
            {"type": "array", "items": inner}
            if arrays
            else {"type": "object", "properties": {"f": inner}}
        )
    return inner


@pytest.mark.parametrize("arrays", [True, False])
def test_a_schema_nests_as_deep_as_can_be_compiled(arrays: bool):
    assert of_field(nested(15, arrays=arrays)) == []
    (problem,) = of_field(nested(16, arrays=arrays))
    assert problem.endswith(": is nested too deep, allowed: 16 levels")


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_no_column_has_a_type_that_is_longer_than_glue_takes(more: int, refused: bool):
    names = [
        f"f{at:03}" + "a" * 196 for at in range(630)
    ]  # 630 * len("f…:string,") + len("struct<>")
    inner = {name: {"type": "string"} for name in names}
    missing = 131_072 - len(column_type({"type": "object", "properties": inner}))
    rest = "b" * (missing + more - len(",:string"))
    whole = {"type": "object", "properties": {**inner, rest: {"type": "string"}}}

    said = found(schema=schema({"a": {"type": "string"}, "f": whole}))

    assert len(column_type(whole)) == 131_072 + more
    problem = (
        f"{FIELD}: makes a column whose type has 131073 characters, allowed: 131072; leave fields "
        "out of the schema, or declare it without properties, as JSON text"
    )
    assert said == ([problem] if refused else [])


def test_every_problem_of_a_declaration_is_named_once(tmp_path: Path):
    wrong = declaration(
        prefix="/",
        csv={"delimiter": "x", "header": ["a", "A"]},
        schema=schema(
            {"a": {"type": "strng", "minimum": "0"}, "bC": {"type": "number", "minimum": "0"}},
            required=["b"],
        ),
        drop=["a"],
        unknownFields="no",
        maxRejectedPercent=101,
        other=1,
    )

    assert [it.split(": ")[1] for it in problems(tmp_path, orders=wrong)] == [
        "prefix",
        "schema.properties.a.type",
        "schema.properties.a.minimum",
        "schema.properties.bC",
        "schema.properties.bC.minimum",
        "schema.required[0]",
        "csv.delimiter",
        "csv.header[1]",
        "drop[0]",
        "unknownFields",
        "maxRejectedPercent",
        "other",
    ]


KEYS = ["prefix", "description", "csv", "schema", "unknownFields", "drop", "maxRejectedPercent"]
WORDS = st.sampled_from([*KEYS, *sorted(KEYWORDS | ANNOTATIONS), "null", "string", "array", "f"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS, inner, max_size=4)
        | st.fixed_dictionaries({"type": WORDS, "properties": st.dictionaries(WORDS, inner)})
    ),
    max_leaves=12,
)


@settings(max_examples=25)
@given(ANYTHING)
def test_any_value_is_judged_with_a_place_and_a_reason(value: Any):
    for content in (value, declaration(schema=value), declaration(drop=value, csv=value)):
        for problem in declarations.problems(content):
            assert problem.text


@settings(max_examples=25)
@given(st.dictionaries(WORDS, ANYTHING, max_size=4))
def test_a_schema_that_is_taken_can_be_compiled_and_judges(field: dict[str, Any]):
    content = schema({"f": {**field, "type": "string"}})
    if not (said := found(schema=content)):
        assert field.keys() <= KEYWORDS | ANNOTATIONS
    assert not [it for it in said if "cannot be compiled" in it]
