"""Proofs of columns hold for good ones, and for no column with a bad value, wherever it is."""

import random

import pytest

from handlers.transform.datasets.formats import is_date, is_date_time
from handlers.transform.datasets.generated import pattern_of
from handlers.transform.datasets.proofs.columns import cells_proof, values_proof
from handlers.transform.datasets.proofs.lines import are_among
from handlers.transform.datasets.proofs.moments import are_date_times, are_dates
from handlers.transform.datasets.proofs.shapes import Shapes
from handlers.transform.datasets.schemas import plain_schema

ORDER = {"type": "string", "pattern": "^ORD-[A-Z]{2}[0-9]+$"}
TIME = {"type": "string", "format": "date-time"}
DAY = {"type": "string", "format": "date"}
UUID = {"type": "string", "format": "uuid"}
# A schema, values that are proved together, and values of which none may be among them.
TEXTS = [
    (ORDER, ["ORD-DE1", "ORD-FR20"], [
        "ARD-DE1", "ORD-D11", "ORD-DE1\nORD-DE1", "ORD-DE1\n", "ORD-DE",
    ]),
    ({"type": "string", "enum": ["a", "b"]}, ["a", "b"], [
        "c", "A", "a\nb", "ab", " a", "a\n\nb", "a\n\n\n\nb", "",
    ]),
    ({"type": "string", "enum": list("abcdef")}, ["a", "f"], ["g", "ab", "\\"]),
    ({"type": "string", "const": "a"}, ["a", "a"], ["b"]),
    ({"type": "string", "minLength": 2}, ["ab", "abc"], ["a", "é", "\\", "\n"]),
    ({"type": "string", "maxLength": 3}, ["ab", "abc"], ["abcd", "ééé!"]),
    ({"type": "string", "pattern": "^a?$"}, ["a", "a"], ["a\n", "\na", "a\n\na", "aa"]),
    (TIME, ["2024-02-28T23:59:59Z", "2023-12-31T00:00:00Z"], [
        "2024-02-30T10:30:00Z", "2024-04-31T10:30:00Z", "2024-13-01T10:30:00Z",
        "2024-00-01T10:30:00Z", "2024-01-00T10:30:00Z", "2024-01-32T10:30:00Z",
        "2024-01-01T24:30:00Z", "2024-01-01T10:60:00Z", "2024-01-01T10:30:60Z",
        "2024-01-01T10:30:61Z", "0000-01-01T10:30:00Z", "2023-02-29T10:30:00Z",
        "2024-01-01 10:30:00Z", "2024-01-01T10:30:00", "2024-01-01T10:30:00X",
        "2024-1-101T10:30:00Z",
    ]),
    (TIME, ["2024-01-15T10:30:00.125+05:45", "2024-01-15T10:30:00.000+23:59"], [
        "2024-01-15T10:30:00.125+24:00", "2024-01-15T10:30:00.125+05:60",
    ]),
    (DAY, ["2024-01-31", "1999-12-31"], ["2024-02-30", "2024-06-31", "2024-13-01", "0000-01-01"]),
    (UUID, ["123e4567-e89b-12d3-a456-426614174000"] * 2, ["123e4567-e89b-12d3-a456-42661417400g"]),
]  # fmt: skip
NUMBERS = [
    ({"type": "integer"}, ["0", "-17", "42"], ["007", "1.5", "+1", " 1", "1e3x", "9" * 19]),
    ({"type": "integer", "minimum": 1}, ["1", "20"], ["0", "-1", ""]),
    ({"type": "integer", "minimum": 10**18}, [], ["5", "-5"]),
    ({"type": "integer", "maximum": -(10**18)}, [], ["5", "-5"]),
    ({"type": "number", "minimum": 0}, ["0", "1.5", "100"], ["-1", "1.", ".5", "00.5", "x"]),
    ({"type": "number", "exclusiveMinimum": 0}, ["1.5", "0.1"], ["0", "0.0", "-1"]),
    ({"type": "number", "exclusiveMinimum": 1e22}, [], ["5"]),
    ({"type": "number", "exclusiveMaximum": -1e22}, [], ["5"]),
    ({"type": "number", "maximum": 10, "exclusiveMaximum": 10}, ["9.5", "-3"], ["10", "11"]),
]  # fmt: skip


def columns(good: list, bad: object) -> list[list]:
    """Return columns with a bad value at their start, in the midst and at their end."""
    return [[bad, *good], [*good, bad, *good], [*good, bad], [bad]]


@pytest.mark.parametrize(("schema", "good", "bad"), TEXTS)
def test_texts(schema, good, bad):
    cells, values = cells_proof(plain_schema(schema)), values_proof(plain_schema(schema))
    assert cells([one.encode() for one in good])
    assert values(good)
    for one in bad:
        escaped = one.replace("\\", "\\\\").encode()
        assert not any(cells(column) for column in columns([g.encode() for g in good], escaped))
        assert not any(values(column) for column in columns(good, one))


@pytest.mark.parametrize(("schema", "good", "bad"), NUMBERS)
def test_numbers_in_cells(schema, good, bad):
    proof = cells_proof(plain_schema(schema))
    cells = [one.encode() for one in good]
    assert not cells or proof(cells)
    for one in bad:
        assert not any(proof(column) for column in columns(cells, one.encode()))


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, [0, -5, 2**63 - 1], [True, 1.5, "1", None, 2**63, [], {}]),
        ({"type": "integer", "minimum": 1}, [1, 5], [0, True]),
        ({"type": "number"}, [0, -5.5], [True, "1", None]),
        ({"type": "number", "minimum": 0.1}, [0.1, 5], [0, -1.5]),
        ({"type": "boolean"}, [True, False], [0, 1, "true", None]),
        ({"type": "string"}, ["a", ""], [1, None, ["a"]]),
        ({"type": "array", "items": {"type": "integer"}}, [[], [1, 2]], [[True], ["1"], 1, [None]]),
        ({"type": "array", "minItems": 1, "maxItems": 2}, [[1], [1, 2]], [[], [1, 2, 3]]),
        (
            {
                "type": "object",
                "required": ["a"],
                "additionalProperties": False,
                "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
            },
            [{"a": 1}, {"a": 2, "b": "x"}],
            [{}, {"b": "x"}, {"a": "1"}, {"a": 1, "c": 2}, {"a": 1, "b": None, "d": 1}, []],
        ),
    ],
)
def test_values(schema, good, bad):
    proof = values_proof(plain_schema(schema))
    assert proof(good)
    for one in bad:
        assert not any(proof(column) for column in columns(good, one))


def moment(draw: random.Random) -> str:
    numbers = [
        draw.choice((0, 1, 999, 1000, 2023, 2024, 1900, 2000, 9999)),
        draw.randint(0, 13),
        draw.choice((0, 1, 28, 29, 30, 31, 32, 99)),
        draw.choice((0, 9, 10, 19, 20, 23, 24, 29, 30)),
        draw.choice((0, 59, 60, 99)),
        draw.choice((0, 59, 60, 99)),
    ]
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*numbers)


def test_no_moment_is_proved_that_is_none():
    draw, proved = random.Random(0), 0
    for _ in range(10_000):
        text = moment(draw) + draw.choice(("Z", "z", ".5Z", "+05:45", "-24:00", "+23:60", ""))
        if are_date_times(f"\n{text}\n".encode(), 1):
            proved += 1
            assert is_date_time(text)
        if are_dates(f"\n{text[:10]}\n".encode(), 1):
            assert is_date(text[:10])
    assert proved > 100


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "enum": ["", "a"]},
        {"type": "string", "enum": ["", *"abcdefghi"]},
        {"type": "string", "minLength": 0},
        {"type": "string", "maxLength": 3},
        {"type": "string", "pattern": "a?"},
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "string", "format": "date"},
    ],
)
def test_no_proof_of_cells_holds_with_an_empty_one(schema):
    proof = cells_proof(plain_schema(schema))
    good = {"integer": b"1", "number": b"1", "boolean": b"true"}.get(schema["type"], b"a")
    for column in ([b""], [good, b""], [b"", good], [good, b"", good], [b"", b""]):
        assert not proof(column)


@pytest.mark.parametrize("known", ["ab", "abcdefghij"])
def test_lines_that_hold_known_ones_are_not_known(known):
    """Line feeds within a text make it look like several, or hide that another is unknown."""
    texts = {one.encode() for one in known}
    for column in ([b"a\n\nb"], [b"a\n\nb", b"x"], [b"a\nb", b"x"], [b"a\n", b"\na"], [b""]):
        lines = b"\n%b\n" % b"\n\n".join(column)
        assert not are_among(texts, lines, len(column))


PATTERNS = (
    "^[A-Z]{2}-[0-9]+$", "a", "^ORD", r"\d+", r"^\w+$", "[^a-f]$", "^(x|y)z?$", r"\.", r"a{2,3}b",
    "^.{3}$", r"[\]a]", "[]a]", r"\bab", r"^\S+$", "^é$", "x{,2}y",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_shape_matches_exactly_where_its_texts_do(pattern):
    """Characters from all that the patterns tell apart, and some beside them."""
    draw, search, shapes = random.Random(pattern), pattern_of(pattern).search, Shapes(pattern)
    for _ in range(1_000):
        text = "".join(draw.choices("abfgzORDXZ0129-._] \té!{}", k=draw.randint(1, 5)))
        assert shapes.match(f"\n{text}\n".encode(), 1) == bool(search(text)), text


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)", "(?i)a", r"(?P<n>a)", r"\x41", "(?<!a)b"])
def test_a_pattern_that_looks_at_more_than_characters_has_no_shapes(pattern):
    with pytest.raises(ValueError, match=r".*"):
        Shapes(pattern)
