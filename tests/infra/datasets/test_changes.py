"""Each difference between two declarations, and what it does."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.transform.datasets.dataset import Dataset
from infra.datasets import files
from infra.datasets.changes import Change, changes
from infra.datasets.effects import Kind
from tests.handlers.transform.datasets.declared import result
from tests.infra.datasets.declared import declaration, schema
from tests.infra.recording import ROOT

BREAKS, STRICTER, LOOSER, OTHER = Kind.BREAKS_QUERIES, Kind.STRICTER, Kind.LOOSER, Kind.OTHER


def said(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[Kind, str]]:
    """Return the kind and the text of each change of the dataset `orders`."""
    found = changes({"orders": old}, {"orders": new})
    assert {it.dataset for it in found} <= {"orders"}
    return [(it.kind, it.text) for it in found]


def of_field(old: Any, new: Any) -> list[tuple[Kind, str]]:
    """Return what the change of a field's schema does; a field that is None is not declared."""
    before, now = (schema({"g": STRING, **({"f": it} if it else {})}) for it in (old, new))
    found = said(declaration(schema=before), declaration(schema=now))
    return [(kind, text.removeprefix("schema.properties.f")) for kind, text in found]


# Keys of the declaration, before and now.
OF_KEYS: list[tuple[dict[str, Any], dict[str, Any], list[tuple[Kind, str]]]] = [
    (
        {"prefix": "a/"},
        {"prefix": "b/"},
        [
            (
                BREAKS,
                (
                    "prefix: a/, now b/: its tables no longer show old files, and files of "
                    "incoming/a/ are no longer checked (breaks queries)"
                ),
            )
        ],
    ),
    (
        {"prefix": "shop/orders/", "drop": ["card"]},
        {"prefix": "shop/", "drop": ["card"]},
        [
            (
                STRICTER,
                (
                    "prefix: shop/orders/, now shop/: all files of incoming/shop/ are "
                    "checked from now on (stricter)"
                ),
            )
        ],
    ),
    (
        {"prefix": "shop/", "drop": ["card", "id"]},
        {"prefix": "shop/orders/", "drop": ["card"]},
        [
            (
                BREAKS,
                (
                    "prefix: shop/, now shop/orders/: its tables no longer show old files, "
                    "and other files of incoming/shop/ are no longer checked (breaks queries)"
                ),
            ),
            (
                Kind.REVEALING,
                "drop: card of other files of incoming/shop/ is written from now on (revealing)",
            ),
            (
                Kind.REVEALING,
                "drop: id of other files of incoming/shop/ is written from now on (revealing)",
            ),
            (Kind.REVEALING, "drop: id is written from now on (revealing)"),
        ],
    ),
    ({}, {"description": "a"}, [(OTHER, 'description: not set, now "a" (other)')]),
    (
        {},
        {"csv": {"delimiter": ";"}},
        [(STRICTER, 'csv.delimiter: not set, now ";" (stricter)')],
    ),
    (
        {"csv": {"delimiter": ";", "encoding": "cp1252"}},
        {"csv": {"delimiter": ",", "header": ["a"]}},
        [
            (STRICTER, 'csv.delimiter: ";", now "," (stricter)'),
            (STRICTER, 'csv.encoding: "cp1252", now not set (stricter)'),
            (STRICTER, 'csv.header: not set, now ["a"] (stricter)'),
        ],
    ),
    ({}, {"unknownFields": "keep"}, []),
    (
        {},
        {"unknownFields": "reject"},
        [(STRICTER, 'unknownFields: "keep", now "reject" (stricter)')],
    ),
    ({}, {"unknownFields": "rescue"}, [(OTHER, 'unknownFields: "keep", now "rescue" (other)')]),
    (
        {"unknownFields": "reject"},
        {"unknownFields": "rescue"},
        [(LOOSER, 'unknownFields: "reject", now "rescue" (looser)')],
    ),
    ({"unknownFields": "reject"}, {}, [(LOOSER, 'unknownFields: "reject", now "keep" (looser)')]),
    (
        {"unknownFields": "rescue"},
        {"unknownFields": "reject"},
        [
            (
                BREAKS,
                "unknownFields: rescue, now reject: the column _rescued is gone (breaks queries)",
            )
        ],
    ),
    (
        {"drop": ["a", "b"]},
        {"drop": ["c", "b"]},
        [
            (Kind.REVEALING, "drop: a is written from now on (revealing)"),
            (OTHER, "drop: c is no longer written (other)"),
        ],
    ),
    (
        {"drop": ["a", "b.c"], "unknownFields": "reject"},
        {"unknownFields": "reject"},
        [
            (
                STRICTER,
                "drop: a is no longer dropped, so records that have it are rejected (stricter)",
            ),
            (Kind.REVEALING, "drop: b.c is written from now on (revealing)"),
        ],
    ),
    (
        {"maxRejectedPercent": 5},
        {"maxRejectedPercent": 1.5},
        [(STRICTER, "maxRejectedPercent: 5, now 1.5 (stricter)")],
    ),
    (
        {"maxRejectedPercent": 0},
        {"maxRejectedPercent": 1},
        [(LOOSER, "maxRejectedPercent: 0, now 1 (looser)")],
    ),
    (
        {},
        {"maxRejectedPercent": 99},
        [(STRICTER, "maxRejectedPercent: not set, now 99 (stricter)")],
    ),
    (
        {"maxRejectedPercent": 1},
        {},
        [(STRICTER, "maxRejectedPercent: 1, now not set (stricter)")],
    ),
    (
        {},
        {"maxRejectedPercent": 100},
        [(LOOSER, "maxRejectedPercent: not set, now 100 (looser)")],
    ),
    (
        {"maxRejectedPercent": 0},
        {},
        [(LOOSER, "maxRejectedPercent: 0, now not set (looser)")],
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), OF_KEYS, ids=str)
def test_a_change_of_a_key(
    old: dict[str, Any], new: dict[str, Any], expected: list[tuple[Kind, str]]
):
    assert said(declaration(**old), declaration(**new)) == expected


STRING, NUMBER, INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
ARRAY, OBJECT = {"type": "array"}, {"type": "object"}
AB = {"type": "object", "properties": {"a": STRING, "b": STRING}}

# A field's schema, before and now, and what each change does.
OF_FIELDS: list[tuple[Any, Any, list[tuple[Kind, str]]]] = [
    (None, NUMBER, [(STRICTER, ": added: double (stricter)")]),
    (NUMBER, None, [(BREAKS, ": removed: its column is gone (breaks queries)")]),
    (
        INTEGER,
        NUMBER,
        [
            (
                BREAKS,
                ".type: integer, now number: the column bigint becomes double (breaks queries)",
            )
        ],
    ),
    (
        # What is within another type is not compared.
        {"type": "string", "minLength": 3},
        {"type": "array", "items": NUMBER, "minItems": 1},
        [
            (
                BREAKS,
                (
                    ".type: string, now array: the column string becomes array<double> "
                    "(breaks queries)"
                ),
            )
        ],
    ),
    (
        OBJECT,
        AB,
        [
            (
                BREAKS,
                (
                    ".type: object, now object: the column string becomes "
                    "struct<a:string,b:string> (breaks queries)"
                ),
            )
        ],
    ),
    (
        {**ARRAY, "items": NUMBER},
        ARRAY,
        [
            (
                BREAKS,
                ".type: array, now array: the column array<double> becomes string (breaks queries)",
            )
        ],
    ),
    (
        {**ARRAY, "items": NUMBER},
        {**ARRAY, "items": INTEGER},
        [
            (
                BREAKS,
                (
                    ".items.type: number, now integer: the column double becomes bigint "
                    "(breaks queries)"
                ),
            )
        ],
    ),
    (
        STRING,
        {"type": ["string", "null"]},
        [(LOOSER, '.type: "string", now ["string", "null"] (looser)')],
    ),
    (
        {"type": ["string", "null"]},
        STRING,
        [(STRICTER, '.type: ["string", "null"], now "string" (stricter)')],
    ),
    ({"type": ["string", "null"]}, {"type": ["null", "string"]}, []),
    (
        {**STRING, "enum": ["a", "b"]},
        {**STRING, "enum": ["c", "b"]},
        [(LOOSER, '.enum: "c" added (looser)'), (STRICTER, '.enum: "a" removed (stricter)')],
    ),
    ({**STRING, "enum": ["a", "b"]}, {**STRING, "enum": ["b", "a"]}, []),
    (STRING, {**STRING, "enum": ["a"]}, [(STRICTER, '.enum: not set, now ["a"] (stricter)')]),
    ({**STRING, "enum": ["a"]}, STRING, [(LOOSER, '.enum: ["a"], now not set (looser)')]),
    (
        {**STRING, "const": "a"},
        {**STRING, "const": "b"},
        [(STRICTER, '.const: "a", now "b" (stricter)')],
    ),
    (STRING, {**STRING, "pattern": "a"}, [(STRICTER, '.pattern: not set, now "a" (stricter)')]),
    (
        {**STRING, "pattern": "a"},
        {**STRING, "pattern": "a|b"},
        [(STRICTER, '.pattern: "a", now "a|b" (stricter)')],
    ),
    ({**STRING, "pattern": "a"}, STRING, [(LOOSER, '.pattern: "a", now not set (looser)')]),
    (STRING, {**STRING, "format": "date"}, [(STRICTER, '.format: not set, now "date" (stricter)')]),
    (
        {**STRING, "format": "date"},
        {**STRING, "format": "time"},
        [(STRICTER, '.format: "date", now "time" (stricter)')],
    ),
    *(
        case
        for keyword, field in (
            ("minimum", NUMBER),
            ("exclusiveMinimum", NUMBER),
            ("minLength", STRING),
            ("minItems", ARRAY),
            ("minProperties", OBJECT),
        )
        for case in (
            (field, {**field, keyword: 2}, [(STRICTER, f".{keyword}: not set, now 2 (stricter)")]),
            ({**field, keyword: 2}, field, [(LOOSER, f".{keyword}: 2, now not set (looser)")]),
            (
                {**field, keyword: 2},
                {**field, keyword: 3},
                [(STRICTER, f".{keyword}: 2, now 3 (stricter)")],
            ),
            (
                {**field, keyword: 3},
                {**field, keyword: 2},
                [(LOOSER, f".{keyword}: 3, now 2 (looser)")],
            ),
        )
    ),
    *(
        case
        for keyword, field in (
            ("maximum", NUMBER),
            ("exclusiveMaximum", NUMBER),
            ("maxLength", STRING),
            ("maxItems", ARRAY),
            ("maxProperties", OBJECT),
        )
        for case in (
            (field, {**field, keyword: 0}, [(STRICTER, f".{keyword}: not set, now 0 (stricter)")]),
            ({**field, keyword: 2}, field, [(LOOSER, f".{keyword}: 2, now not set (looser)")]),
            (
                {**field, keyword: 2},
                {**field, keyword: 3},
                [(LOOSER, f".{keyword}: 2, now 3 (looser)")],
            ),
            (
                {**field, keyword: 3},
                {**field, keyword: 2},
                [(STRICTER, f".{keyword}: 3, now 2 (stricter)")],
            ),
        )
    ),
    (STRING, {**STRING, "minLength": 0}, []),
    # A whole number has these bounds in any case.
    (INTEGER, {**INTEGER, "minimum": -(2**63), "maximum": 2**63 - 1}, []),
    (
        {**INTEGER, "minimum": -(2**63)},
        {**INTEGER, "minimum": 0},
        [(STRICTER, ".minimum: not set, now 0 (stricter)")],
    ),
    (
        {**NUMBER, "multipleOf": 2},
        {**NUMBER, "multipleOf": 3},
        [(STRICTER, ".multipleOf: 2, now 3 (stricter)")],
    ),
    (
        ARRAY,
        {**ARRAY, "uniqueItems": True},
        [(STRICTER, ".uniqueItems: not set, now true (stricter)")],
    ),
    (
        {**ARRAY, "uniqueItems": True},
        {**ARRAY, "uniqueItems": False},
        [(LOOSER, ".uniqueItems: true, now not set (looser)")],
    ),
    (ARRAY, {**ARRAY, "uniqueItems": False}, []),
    (
        {**AB, "required": ["a"]},
        {**AB, "required": ["b"]},
        [
            (STRICTER, '.required: "b" added (stricter)'),
            (LOOSER, '.required: "a" removed (looser)'),
        ],
    ),
    (AB, {**AB, "required": ["a"]}, [(STRICTER, '.required: not set, now ["a"] (stricter)')]),
    (
        AB,
        {**AB, "additionalProperties": False},
        [(STRICTER, ".additionalProperties: not set, now false (stricter)")],
    ),
    (
        {**AB, "additionalProperties": False},
        AB,
        [(LOOSER, ".additionalProperties: false, now not set (looser)")],
    ),
    (
        {**OBJECT, "properties": {"a": STRING}},
        AB,
        [(STRICTER, ".properties.b: added: string (stricter)")],
    ),
    (
        {**OBJECT, "properties": {"a": STRING}, "additionalProperties": False},
        {**AB, "additionalProperties": False},
        [(LOOSER, ".properties.b: added: string (looser)")],
    ),
    (
        {**ARRAY, "items": AB},
        {**ARRAY, "items": {**OBJECT, "properties": {"a": STRING}}},
        [(BREAKS, ".items.properties.b: removed: its column is gone (breaks queries)")],
    ),
    ({**STRING, "title": "a"}, {**STRING, "title": "b"}, [(OTHER, '.title: "a", now "b" (other)')]),
    (STRING, {**STRING, "default": "b"}, [(OTHER, '.default: not set, now "b" (other)')]),
]


@pytest.mark.parametrize(("old", "new", "expected"), OF_FIELDS, ids=str)
def test_a_change_of_a_field(old: Any, new: Any, expected: list[tuple[Kind, str]]):
    assert of_field(old, new) == expected


def test_a_field_that_is_declared_where_unknown_ones_were_rejected_is_no_stricter():
    before, now = schema({"a": STRING}), schema({"a": STRING, "b": NUMBER})
    old, new = (declaration(schema=it, unknownFields="reject") for it in (before, now))

    assert said(old, new) == [(LOOSER, "schema.properties.b: added: double (looser)")]


def test_a_field_that_is_declared_where_it_was_dropped_is_stricter():
    """Its values were of no matter before, whatever else was rejected."""
    inner = {**AB, "additionalProperties": False}
    before, now = (
        schema({"a": {"type": "array", "items": it}, **more})
        for it, more in (
            (inner, {}),
            ({**inner, "properties": {**AB["properties"], "c": NUMBER}}, {"card": NUMBER}),
        )
    )
    old = declaration(schema=before, unknownFields="reject", drop=["card", "a.c"])
    new = declaration(schema=now, unknownFields="reject")

    assert said(old, new) == [
        (Kind.REVEALING, "drop: a.c is written from now on (revealing)"),
        (Kind.REVEALING, "drop: card is written from now on (revealing)"),
        (STRICTER, "schema.properties.a.items.properties.c: added: double (stricter)"),
        (STRICTER, "schema.properties.card: added: double (stricter)"),
    ]


A_AND_N = schema({"a": STRING, "n": INTEGER}, required=["a"])
# A file of which all records were good, the declaration of before, and what differs now.
REJECTED: list[tuple[bytes, str, dict[str, Any], dict[str, Any]]] = [
    (b"x,2\ny,3\n", ".csv", {"csv": {"header": ["a", "n"]}}, {"csv": {}}),
    (b"a,n\n\xe9,2\n", ".csv", {"csv": {"encoding": "cp1252"}}, {"csv": {}}),
    (b"a|b;c;d|n\nx|1|2\n", ".csv", {"csv": {"delimiter": "|"}}, {"csv": {}}),
    (b'{"a":"x","c":1}', ".json", {"unknownFields": "reject", "drop": ["c"]}, {"drop": []}),
    (b'{"a":"x","c":1}', ".json", {}, {"unknownFields": "reject"}),
    (
        b'{"a":"x","c":1}',
        ".json",
        {"schema": {**A_AND_N, "minProperties": 2}},
        {"unknownFields": "rescue"},
    ),
    (b'{"a":"x","c":1}', ".json", {"schema": {**A_AND_N, "minProperties": 2}}, {"drop": ["c"]}),
    (
        b'{"a":"x","c":"y"}',
        ".json",
        {"unknownFields": "reject", "drop": ["c"]},
        {"schema": schema({"a": STRING, "n": INTEGER, "c": NUMBER}), "drop": []},
    ),
]


@pytest.mark.parametrize(("data", "suffix", "before", "changed"), REJECTED, ids=str)
def test_what_rejects_records_that_were_good_is_told_to_be_stricter(
    data: bytes, suffix: str, before: dict[str, Any], changed: dict[str, Any]
):
    old = declaration(**{"schema": A_AND_N, **before})
    new = {**old, **changed}
    rejects = [result(data, suffix, Dataset.read("orders", it))[1] for it in (old, new)]
    assert [len(it) for it in rejects] == [0, 1]

    assert STRICTER in {kind for kind, _ in said(old, new)}


def test_a_dataset_that_is_added_or_removed():
    found = changes({"gone": declaration()}, {"orders": declaration(prefix="b/")})

    assert found == [
        Change(
            dataset="gone",
            kind=BREAKS,
            text="removed: its tables are gone, and its files are no longer checked "
            "(breaks queries)",
        ),
        Change(
            dataset="orders",
            kind=OTHER,
            text="added: files of incoming/b/ are checked from now on (other)",
        ),
    ]
    assert [str(it).partition(":")[0] for it in found] == ["dataset gone", "dataset orders"]


def test_a_removed_dataset_leaves_what_it_dropped_to_who_has_its_folder_now():
    old = {"orders": declaration(prefix="shop/", drop=["card", "name"])}
    gone = [(it.kind, it.text) for it in changes(old, {})]
    removed = "removed: its tables are gone, and its files"
    written = "of files of incoming/shop/ is written from now on (revealing)"
    assert gone == [
        (BREAKS, f"{removed} are no longer checked (breaks queries)"),
        (Kind.REVEALING, f"drop: card {written}"),
        (Kind.REVEALING, f"drop: name {written}"),
    ]
    renamed = changes(old, {"sales": declaration(prefix="shop/", drop=["card"])})
    assert [(it.dataset, it.text) for it in renamed] == [
        ("orders", f"{removed} belong to the dataset sales now (breaks queries)"),
        ("orders", f"drop: name {written}"),
        ("sales", "added: files of incoming/shop/ are checked from now on (other)"),
    ]


def test_two_datasets_that_change_places():
    a, b = declaration(prefix="a/", drop=["card"]), declaration(prefix="b/")
    turned = {"one": {**a, "prefix": "b/"}, "two": {**b, "prefix": "a/"}}
    hidden = "its tables no longer show old files, and files of"
    assert [(it.dataset, it.text) for it in changes({"one": a, "two": b}, turned)] == [
        (
            "one",
            (
                f"prefix: a/, now b/: {hidden} incoming/a/ belong to the dataset two now"
                " (breaks queries)"
            ),
        ),
        ("one", "drop: card of files of incoming/a/ is written from now on (revealing)"),
        (
            "two",
            (
                f"prefix: b/, now a/: {hidden} incoming/b/ belong to the dataset one now"
                " (breaks queries)"
            ),
        ),
    ]


def test_what_may_reject_or_break_is_a_warning():
    kinds = {kind: Change(dataset="orders", kind=kind, text="").is_warning for kind in Kind}

    assert kinds == {
        BREAKS: True, STRICTER: True, Kind.REVEALING: True, LOOSER: False, OTHER: False,
    }  # fmt: skip


def test_the_same_declarations_in_another_order_have_not_changed():
    declared = files.load("datasets", ROOT)

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return value

    assert changes(declared, copy.deepcopy(declared)) == []
    assert changes(declared, turned(declared)) == []


KEYWORDS = {
    "minLength": st.integers(0, 3),
    "maxLength": st.integers(3, 6),
    "pattern": st.sampled_from(["a", "b"]),
    "format": st.sampled_from(["date", "email"]),
    "enum": st.lists(st.sampled_from("abc"), min_size=1, unique=True),
    "title": st.text(max_size=3),
}
FIELDS = st.fixed_dictionaries({"type": st.just("string")}, optional=KEYWORDS)


@settings(max_examples=50)
@given(FIELDS, FIELDS)
def test_there_is_a_change_wherever_the_versions_differ(old: dict[str, Any], new: dict[str, Any]):
    def plain(field: dict[str, Any]) -> dict[str, Any]:
        listed = {"enum": sorted(field["enum"])} if "enum" in field else {}
        return {key: it for key, it in {**field, **listed}.items() if (key, it) != ("minLength", 0)}

    places = {text.partition(":")[0] for _, text in of_field(old, new)}

    keys = plain(old).keys() | plain(new).keys()
    changed = {f".{key}" for key in keys if plain(old).get(key) != plain(new).get(key)}
    assert places == changed
