import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.transform.datasets.dataset import Dataset
from infra.datasets import files, yaml_text
from infra.datasets.files import DeclarationError
from infra.datasets.yaml_text import YamlError
from tests.infra.datasets.declared import declaration, problems, schema
from tests.infra.recording import ROOT

GOOD = "prefix: a/\nschema: {type: object, properties: {b: {type: string}}}\n"

# The text of `orders.yaml`, and the beginning of its one problem.
REFUSED = {
    "syntax": ("a: [1", "line 1, column 6: expected ',' or ']'"),
    "indentation": (
        GOOD + " drop: [x]\n",
        "line 3, column 2: expected <block end>, but found '<block mapping start>': check the i",
    ),
    "tab": ("a:\tb\n", "line 1, column 3: found character"),
    "duplicate key": (GOOD + "prefix: b/\n", 'line 3, column 1: found duplicate key "prefix"'),
    "two documents": (GOOD + "---\n" + GOOD, "line 3, column 1: another document, allowed: one"),
    "alias": ("a: &x [1]\nb: *x\n", "line 2, column 4: alias *x, allowed: the value itself"),
    "alias of itself": ("a: &x [*x]\n", "line 1, column 8: alias *x"),
    "laughs": ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "line 2, column 8: alias *a"),
    "tag": ("a: !!set {x, y}\n", "line 1, column 4: tag tag:yaml.org,2002:set, allowed"),
    "object of python": ("!!python/object:os.system x\n", "line 1, column 1: tag"),
    "unknown version": ("%YAML 1.3\n---\na: yes\n", "another version of YAML, allowed: 1.2"),
    "version": ("%YAML 1.1\n---\na: yes\n", "line 2, column 1: another version of YAML"),
    "nesting": ("a: " + "[" * 100, "line 1, column 67: nested too deep, allowed: 64 levels"),
    "control character": ("a: '\x01'\n", "unacceptable character #x0001"),
    "latin-1": (GOOD.encode() + b"# \xe9\n", f"is not UTF-8 at byte {len(GOOD) + 2}"),
    "utf-16": (GOOD.encode("utf-16"), "is not UTF-8 at byte 0"),
    "huge": (b"#" * 1_000_001, "has 1000001 bytes, allowed: 1000000"),
    "no such date": ("a: 2024-99-99\n", "month must be in 1..12"),
    "empty": ("", "the file is empty, allowed: the keys prefix, description, csv"),
    "comment": ("# nothing\n", "the file is empty"),
    "list": ("- a\n", '["a"] is a list, allowed: an object of the keys prefix'),
    "text": ("orders\n", '"orders" is a text, allowed: an object'),
    "a key of another kind": (
        GOOD + "1: x\n",
        "1: the key 1 is a whole number, allowed: a text: put it in quotes",
    ),
    "a list as a key": (GOOD + "? [a, b]\n: x\n", "\"('a', 'b')\": the key ('a', 'b') is of"),
    "a list in a list as a key": (GOOD + "? [[a], b]\n: x\n", "a key is a list or an object"),
    "an object as a key": (GOOD + "? {a: b}\n: x\n", "line 3, column 3: found unhashable key"),
    "date": (
        GOOD + "description: 2024-01-15\n",
        'description: 2024-01-15 is a date, allowed: a text: put it in quotes, "2024-01-15"',
    ),
    "date as a key": (
        GOOD + "2024-01-15: x\n",
        "2024-01-15: the key 2024-01-15 is a date, allowed: a text: put it in quotes",
    ),
    "not a number": (
        GOOD + "maxRejectedPercent: .nan\n",
        "maxRejectedPercent: NaN is no number of JSON, allowed: a finite number",
    ),
    "too large for a double": (GOOD + "maxRejectedPercent: 1e400\n", "maxRejectedPercent: Inf"),
    "too many digits": (
        "prefix: a/\nschema: {type: object, properties: {b: {type: number, maximum: 1"
        + "0" * 20
        + "}}}\n",
        "schema.properties.b.maximum: 100000000000000000000 is a whole number, allowed: whole",
    ),
    "half a character": (GOOD + 'description: "\\ud83d"\n', "description: '\\ud83d' holds half"),
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_no_declaration_is_refused_with_its_place(
    text: str, problem: str, tmp_path: Path
):
    (found,) = problems(tmp_path, orders=text)

    assert found.startswith(f"orders.yaml: {problem}")


def test_what_json_cannot_hold_is_named_once_wherever_it_is(tmp_path: Path):
    text = GOOD + "drop: [2024-01-15]\nunknownFields: 2024-01-15\n"

    assert [found.partition(": 2024")[0] for found in problems(tmp_path, orders=text)] == [
        "orders.yaml: drop[0]",
        "orders.yaml: unknownFields",
    ]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("1", "1: the key 1 is a whole number"),
        ("1.5", '"1.5": the key 1.5 is a number'),
        ("true", "true: the key true is true or false"),
        ("null", "null: the key null is no text"),
        ("[a, 1]", "\"('a', 1)\": the key ('a', 1) is of YAML's type tuple, which JSON lacks"),
        ('"\\ud83d"', "\"'\\\\ud83d'\": the key '\\ud83d' holds half a character"),
    ],
)
@pytest.mark.parametrize("place", ["", "x.properties."])
def test_a_field_whose_name_is_no_text_is_named(key: str, shown: str, place: str, tmp_path: Path):
    fields = f"{{? {key} : {{type: string}}, b: {{type: string}}}}"
    within = f"{{x: {{type: object, properties: {fields}}}}}" if place else fields
    text = f"prefix: a/\nschema: {{type: object, properties: {within}}}\n"

    (found,) = problems(tmp_path, orders=text)

    assert found.startswith(f"orders.yaml: schema.properties.{place}{shown}, allowed: ")


KEYS = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=3)
WORDS = st.sampled_from([
    "prefix", "schema", "csv", "header", "drop", "a/", "type", "object", "properties", "items",
    "array", "string", "required", "enum", "const", "pattern", "minLength", "minimum", "a",
])  # fmt: skip
SCALARS = KEYS | WORDS | st.datetimes()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | KEYS | st.tuples(KEYS, KEYS), inner, max_size=4)
        | st.fixed_dictionaries({"type": WORDS, "properties": st.dictionaries(KEYS, inner)})
    ),
    max_leaves=12,
)


class PlainDumper(yaml.SafeDumper):
    """Writes tuples as lists, as keys too, and no alias, which would be refused at once."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


PlainDumper.add_representer(tuple, yaml.SafeDumper.represent_list)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    value=ANYTHING,
    key=st.sampled_from(["", "schema", "csv", "drop", "header", "required", "properties"]),
)
def test_whatever_a_file_holds_is_judged(value: Any, key: str, tmp_path: Path):
    within = {
        "schema": declaration(schema=value),
        "csv": declaration(csv=value),
        "drop": declaration(drop=value),
        "header": declaration(csv={"header": value}),
        "required": declaration(schema=schema({"a": {"type": "string"}}, required=value)),
        "properties": declaration(schema=schema({"a": {"type": "object", "properties": value}})),
    }
    text = yaml.dump(within.get(key, value), Dumper=PlainDumper, sort_keys=False)

    for problem in problems(tmp_path, orders=text):
        assert problem.encode()


YAML_PARTS = st.sampled_from([
    *"{}[],:?-&*!|>%@#'\"\\~=\t\n 1.", "a: ", "? ", "\n- ", "\n  ", "---\n", "...\n", "%YAML 1.3\n",
    "<<: ", "2024-01-15", "+23:59", "0x", "0o9", ".inf", "prefix: ", "schema: ", "\\ud800", "\x85",
])  # fmt: skip


@settings(max_examples=60)
@given(st.lists(YAML_PARTS, max_size=12).map("".join))
def test_whatever_a_text_is_it_is_read_or_refused(text: str):
    with contextlib.suppress(YamlError):
        yaml_text.parse(text)


def test_problems_are_in_the_order_of_the_file(tmp_path: Path):
    values = ["a", "b", 2, "c", "d", "2024-01-15", *"efgh", 10]
    listed = ", ".join(map(str, values))
    text = f"""
unknownFields: drop
schema:
  required: [c]
  properties:
    b: {{type: strng, minLength: -1}}
    a: {{enum: [{listed}], type: string}}
  1: x
prefix: no folder
"""

    assert [it.split(": ")[1] for it in problems(tmp_path, orders=text)] == [
        "unknownFields",
        "schema.type",
        "schema.required[0]",
        "schema.properties.b.type",
        "schema.properties.b.minLength",
        "schema.properties.a.enum[2]",
        "schema.properties.a.enum[5]",
        "schema.properties.a.enum[10]",
        "schema.1",
        "prefix",
    ]


def test_every_problem_of_every_file_is_in_one_message(tmp_path: Path):
    (tmp_path / "shop").mkdir()
    bad = schema({"total": {"type": "number", "minimum": "0"}})
    found = problems(
        tmp_path / "shop",
        a=declaration(schema=bad, drop=["total"]),
        b="a: [1",
        c=declaration(prefix="c/", drop="d"),
    )

    with pytest.raises(DeclarationError) as caught:
        files.load("shop", tmp_path)

    assert str(caught.value).split("\n") == [
        "the datasets have 4 problem(s):",
        '  - shop/a.yaml: schema.properties.total.minimum: "0" is a text, allowed: a number',
        (
            '  - shop/a.yaml: drop[0]: "total" is a text, allowed: fields that the schema does not '
            "declare, since it is dropped"
        ),
        "  - shop/b.yaml: line 1, column 6: expected ',' or ']', but got '<stream end>'",
        (
            '  - shop/c.yaml: drop: "d" is a text, allowed: a list of different fields, such as '
            "card_number or customer.card_number"
        ),
    ]
    assert [f"shop/{problem}" for problem in found] == list(caught.value.problems)


def test_the_files_of_a_folder_are_read_by_their_names(tmp_path: Path):
    (tmp_path / "orders.yaml").write_text(GOOD)
    (tmp_path / "visits.yml").write_text("\ufeff" + GOOD.replace("a/", "visits/"))
    for beside in ("README.md", ".hidden.yaml", "notes.txt"):
        (tmp_path / beside).write_text("a: [")
    (tmp_path / ".#orders.yaml").symlink_to("nowhere")
    (tmp_path / "drafts").mkdir()

    found = files.load(tmp_path)

    assert {name: it["prefix"] for name, it in found.items()} == {
        "orders": "a/",
        "visits": "visits/",
    }


def test_one_file_is_read_by_its_name(tmp_path: Path):
    (tmp_path / "orders.yaml").write_text(GOOD)
    (tmp_path / "other.yaml").write_text("a: [")

    assert list(files.load(tmp_path / "orders.yaml")) == ["orders"]


def test_a_file_that_nobody_would_read_is_named(tmp_path: Path):
    (tmp_path / "shop").mkdir()
    problems(tmp_path / "shop", orders=GOOD)

    assert problems(tmp_path) == ["shop/orders.yaml: is in a folder of its own, allowed: ./"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(DeclarationError, match=r"shop\.yaml: No such file or directory"):
        files.load("shop.yaml", tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "orders.yaml").write_text(GOOD)
    (tmp_path / "orders.yaml").chmod(0)

    assert problems(tmp_path) == ["orders.yaml: Permission denied"]


def test_a_folder_of_a_files_name_is_named(tmp_path: Path):
    (tmp_path / "orders.yaml").mkdir()

    assert problems(tmp_path) == ["orders.yaml: Is a directory"]


@pytest.mark.parametrize("name", ["Orders", "1orders", "or-ders", "or ders", "é", "a" * 101, "_a"])
def test_a_name_that_no_table_can_have_is_refused(name: str, tmp_path: Path):
    (found,) = problems(tmp_path, **{name: GOOD})

    assert found.startswith(f"{name}.yaml: the name {name!r} is not one of a table, allowed: a low")


@pytest.mark.parametrize("name", ["orders", "a", "shop_orders_2", "a" * 100])
def test_a_name_of_a_table_is_taken(name: str, tmp_path: Path):
    assert problems(tmp_path, **{name: GOOD}) == []


def test_two_files_of_one_name_are_refused(tmp_path: Path):
    (tmp_path / "orders.yml").write_text(GOOD)

    assert problems(tmp_path, orders=GOOD) == [
        "orders.yml: orders.yaml is of the same name, allowed: one"
    ]


@pytest.mark.parametrize("other", ["orders_archive", "orders_bundles", "orders_rejected"])
def test_no_dataset_has_the_name_of_anothers_table(other: str, tmp_path: Path):
    content = {"orders": GOOD, other: GOOD.replace("a/", "b/")}

    assert problems(tmp_path, **content) == [
        (
            f"{other}.yaml: the name {other!r} is that of a table of the dataset orders, "
            "allowed: another"
        )
    ]


WITHIN = "a folder apart from {}, of the dataset {}, whose tables read all below it"


@pytest.mark.parametrize(
    ("prefixes", "named", "outer"),
    [
        (("a/", "a/"), [1], 0),
        (("a/", "a/b/"), [1], 0),
        (("a/b/c/d/", "a/"), [0], 1),
        (("a/b/", "a/", "x/", "a/c/"), [3, 0], 1),  # in the order of the names
    ],
)
def test_no_folder_is_within_anothers(
    prefixes: tuple[str, ...], named: list[int], outer: int, tmp_path: Path
):
    names = ("one", "two", "three", "four")
    texts = {
        name: declaration(prefix=prefix) for name, prefix in zip(names, prefixes, strict=False)
    }
    found = problems(tmp_path, **texts)

    allowed = WITHIN.format(prefixes[outer], names[outer])
    assert found == [
        f'{names[it]}.yaml: prefix: "{prefixes[it]}" is a text, allowed: {allowed}' for it in named
    ]


@pytest.mark.parametrize(
    "prefixes", [("a/", "ab/"), ("a/b/", "a/c/"), ("a/b/", "b/"), ("A/", "a/")]
)
def test_folders_beside_each_other_are_taken(prefixes: tuple[str, str], tmp_path: Path):
    one, two = (declaration(prefix=prefix) for prefix in prefixes)

    assert problems(tmp_path, one=one, two=two) == []


def test_whole_numbers_have_the_bounds_of_a_tables_column(tmp_path: Path):
    deep = {"type": "object", "properties": {"n": {"type": ["integer", "null"], "minimum": 0}}}
    fields = {
        "a": {"type": "integer"},
        "b": {"type": "array", "items": deep},
        "c": {"type": "integer", "minimum": -1e30, "maximum": 3},
        "d": {"type": "number"},
        "e": {"type": "integer", "maximum": 1e30},
    }
    problems(tmp_path, orders=declaration(schema=schema(fields)))

    found = files.load(tmp_path)["orders"]["schema"]["properties"]

    low, high = -(2**63), 2**63 - 1
    assert found["a"] == {"type": "integer", "minimum": low, "maximum": high}
    within = found["b"]["items"]["properties"]["n"]
    assert within == {"type": ["integer", "null"], "minimum": 0, "maximum": high}
    assert found["c"] == {"type": "integer", "minimum": low, "maximum": 3}
    assert found["d"] == {"type": "number"}
    assert found["e"] == found["a"]


def test_the_example_declares_a_dataset_that_no_folder_of_a_user_is_in():
    declared = files.load("datasets", ROOT)

    orders = Dataset.read("orders", declared["orders"])
    assert list(declared) == ["orders"]
    assert orders.prefix == "examples/orders/"
    assert orders.drop == ("card_number",)
    assert list(orders.schema["properties"]) == [
        "order",
        "placed",
        "status",
        "total",
        "items",
        "paid",
    ]


def test_equal_declarations_are_encoded_alike():
    one = {"orders": {"prefix": "a/", "schema": {"type": "object", "é": 1.0}}}
    two = {"orders": {"schema": {"é": 1.0, "type": "object"}, "prefix": "a/"}}

    assert files.encode(one) == files.encode(two)
    assert files.encode(one).decode() == (
        '{"orders":{"prefix":"a/","schema":{"type":"object","é":1.0}}}'
    )
