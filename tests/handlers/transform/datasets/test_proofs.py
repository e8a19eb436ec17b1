"""Proofs of columns hold for good ones, and for no column with a bad value, wherever it is."""

import random
import re

import pytest

from handlers.transform.datasets.formats import is_date, is_date_time
from handlers.transform.datasets.generated import pattern_of
from handlers.transform.datasets.proofs.columns import cells_proof, unproved, values_proof
from handlers.transform.datasets.proofs.lines import are_among
from handlers.transform.datasets.proofs.moments import odd_date_times, odd_dates
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
    ({"type": "number", "maximum": 1e22}, ["5"], ["1" + "0" * 23]),
    ({"type": "number", "exclusiveMaximum": -1e22}, [], ["5"]),
    ({"type": "number", "maximum": 10, "exclusiveMaximum": 10}, ["9.5", "-3"], ["10", "11"]),
]  # fmt: skip


def columns(good: list, bad: object) -> list[list]:
    """Return columns with a bad value at their start, in the midst and at their end."""
    return [[bad, *good], [*good, bad, *good], [*good, bad], [bad]]


@pytest.mark.parametrize(("schema", "good", "bad"), TEXTS)
def test_texts(schema, good, bad):
    cells, values = cells_proof(plain_schema(schema)), values_proof(plain_schema(schema))
    assert cells([one.encode() for one in good]) == []
    assert values(good) == []
    for one in bad:
        escaped = one.replace("\\", "\\\\").encode()
        for column in columns([g.encode() for g in good], escaped):
            assert is_odd(escaped, column, cells(column))
        for column in columns(good, one):
            assert is_odd(one, column, values(column))


@pytest.mark.parametrize(("schema", "good", "bad"), NUMBERS)
def test_numbers_in_cells(schema, good, bad):
    proof = cells_proof(plain_schema(schema))
    cells = [one.encode() for one in good]
    assert not cells or proof(cells) == []
    for one in bad:
        cell = one.encode()
        assert all(is_odd(cell, column, proof(column)) for column in columns(cells, cell))


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
    assert proof(good) == []
    for one in bad:
        assert all(is_odd(one, column, proof(column)) for column in columns(good, one))


def is_odd(bad: object, column: list, places: list[int] | None) -> bool:
    """Return whether the places that a proof names hold each bad value, or it names none."""
    return places is None or {at for at, one in enumerate(column) if one is bad} <= {*places}


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
        if odd_date_times(f"\n{text}\n".encode(), 1) == []:
            proved += 1
            assert is_date_time(text)
        if odd_dates(f"\n{text[:10]}\n".encode(), 1) == []:
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
        assert is_odd(b"", column, proof(column))


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
        assert shapes.odd(f"\n{text}\n".encode(), 1) == ([] if search(text) else [0]), text


@pytest.mark.parametrize("kinds", [1, 3, 20])
def test_a_pattern_names_exactly_the_texts_that_it_does_not_match(kinds):
    """Of as few shapes as are counted one by one, and of more; known ones and new ones."""
    draw, shapes = random.Random(kinds), Shapes("^[A-Z]+-[0-9]+$")
    for count in (1, 5, 100, 100):
        texts = [f"{'A' * draw.randint(1, kinds)}-{draw.randint(0, 9)}" for _ in range(count)]
        lines = "".join(f"\n{text}\n" for text in texts)
        assert shapes.odd(lines.encode(), count) == []
        for at in draw.sample(range(count), count // 4):
            texts[at] = draw.choice(("", "-5", "A", "A-1!", "a-1", texts[at] + "-"))
        odd = [at for at, text in enumerate(texts) if not re.fullmatch("[A-Z]+-[0-9]+", text)]
        lines = "".join(f"\n{text}\n" for text in texts)
        assert shapes.odd(lines.encode(), count) == odd


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9}, b"5", (b"0", b"-5", b"10")),
        ({"type": "number", "exclusiveMinimum": 0}, b"0.5", (b"0.0", b"-5")),
        ({"type": "string", "enum": ["a", "b"]}, b"a", (b"c", b"")),
        ({"type": "string", "enum": [*"abcdef"]}, b"a", (b"g", b"")),
        ({"type": "boolean"}, b"true", (b"TRUE", b"1", b"")),
        ({"type": "string", "pattern": "^a", "enum": ["a", "b"]}, b"a", (b"b", b"c")),
    ],
)
def test_bad_cells_are_named(schema, good, bad):
    proof, draw = cells_proof(plain_schema(schema)), random.Random(0)
    for _ in range(20):
        column = [good] * 50
        places = sorted(draw.sample(range(50), 3))
        for at in places:
            column[at] = draw.choice(bad)
        assert proof(column) == places


OTHER_FORMS = ("-5", "", "2024-01-01T10:30:00z", "2024-01-01", "2024-01-01T10:30:00Z,Z", "n/a")


@pytest.mark.parametrize("bad", [OTHER_FORMS, OTHER_FORMS[:2]])
def test_lines_of_another_form_than_the_first_are_named(bad):
    proof, draw = cells_proof(plain_schema(TIME)), random.Random(0)
    for _ in range(100):
        column = [f"2024-01-{draw.randint(10, 31)}T10:30:00Z".encode() for _ in range(30)]
        places = sorted(draw.sample(range(1, 30), draw.randint(0, 9)))
        for at in places:
            column[at] = draw.choice(bad).encode()
        assert proof(column) == places
        column[draw.choice([at for at in range(30) if at not in places])] = b"2024-02-30T10:30:00Z"
        assert proof(column) is None


def test_what_no_proof_names_is_found_half_by_half():
    draw = random.Random(0)
    for count in range(1, 60):
        places = [at for at in range(count) if draw.random() < 0.1]
        column = [b"x" if at in places else b"1" for at in range(count)]
        proof = cells_proof(plain_schema({"type": "number"}))
        assert proof(column) == ([] if not places else None)
        found = unproved(column, proof)
        assert {*places} <= {*found} <= {*range(count)}
        assert found == sorted({*found})
        assert len(found) <= 4 * max(len(places), 1)


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)", "(?i)a", r"(?P<n>a)", r"\x41", "(?<!a)b"])
def test_a_pattern_that_looks_at_more_than_characters_has_no_shapes(pattern):
    with pytest.raises(ValueError, match=r".*"):
        Shapes(pattern)
