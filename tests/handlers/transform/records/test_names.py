import time
from itertools import permutations

import pytest

from handlers.transform.records.names import Names, Shapes, distinct_names, normalize_name
from tests.handlers.transform.reference import distinct, snake_case


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("User Name", "user_name"),
        ("Email Address", "email_address"),
        ("userName", "user_name"),
        ("HTTPServer", "http_server"),
        ("parseHTTPResponse", "parse_http_response"),
        ("address2Line", "address2_line"),
        ("2FAEnabled", "2_fa_enabled"),
        ("SHA256", "sha256"),
        (" Preis (€)", "preis"),
        ("  padded\t", "padded"),
        ("a__b--c..d", "a_b_c_d"),
        ("__private__", "private"),
        ("_metadata", "metadata"),
        ("--", "field"),
        ("", "field"),
        ("_", "field"),
        ("Größe", "größe"),
        ("naïveCafé", "naïve_café"),
        ("имяПользователя", "имя_пользователя"),
        ("名前", "名前"),
        ("１２３", "123"),
        ("ＵｓｅｒＮａｍｅ", "user_name"),  # NFKC makes full width plain
        ("cafe\u0301", "café"),  # and composes two characters to one
        ("İstanbul", "i\u0307stanbul"),  # the lower case of İ is i and a dot, a mark
        ("İLÇE", "i\u0307lçe"),
        ("नाम", "नाम"),  # vowel signs are marks
        ("उपयोगकर्ता का नाम", "उपयोगकर्ता_का_नाम"),
        ("ชื่อ-สกุล", "ชื่อ_สกุล"),
        ("பெயர் (Name)", "பெயர்_name"),
        ("q\u0303Name", "q\u0303_name"),  # a capital begins a word after a mark, too
        ("HTTPS\u0303erver", "http_s\u0303erver"),
        ("❤\ufe0f count", "count"),  # a mark without a letter is dropped
        ("´a", "a"),  # NFKC makes it a space with an accent
        ("a\nb", "a_b"),
        ("already_snake_2", "already_snake_2"),
    ],
)
def test_names_become_lower_snake_case(raw, name):
    assert normalize_name(raw) == name
    assert snake_case(raw) == name


def test_a_normalised_name_stays_as_it_is():
    for raw in ("User Name", "HTTPServer", "ＵＲＬ", "Größe", "2FAEnabled", "İ", "a_2"):
        once = normalize_name(raw)
        assert normalize_name(once) == once


@pytest.mark.parametrize(
    ("raw", "names", "renamed"),
    [
        ([], [], 0),
        (["a", "b"], ["a", "b"], 0),
        (["a", "a", "a"], ["a", "a_2", "a_3"], 2),
        (["a", "a_2", "a"], ["a", "a_2", "a_3"], 1),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"], 1),
        (["a_2", "a", "a"], ["a_2", "a", "a_3"], 1),
        (["User Name", "userName"], ["user_name", "user_name_2"], 1),
        (["User Name", "user_name", "userName"], ["user_name_2", "user_name", "user_name_3"], 2),
        (["A", "A 2", "a"], ["a_3", "a_2", "a"], 1),  # a name without a collision is kept
        (["--", "", "field"], ["field_2", "field_3", "field"], 2),
    ],
)
def test_the_name_spelled_as_normalised_keeps_it_in_a_collision(raw, names, renamed):
    assert distinct_names(raw, [normalize_name(name) for name in raw]) == (names, renamed)
    assert distinct(raw) == (names, renamed)


@pytest.mark.parametrize("raw", [["userName", "user_name"], ["A", "a", "b", "A_2", "A 2"]])
def test_a_name_spelled_as_normalised_is_kept_in_every_order(raw):
    for order in permutations(raw):
        names, _ = distinct_names(order, [normalize_name(name) for name in order])
        kept = dict(zip(order, names, strict=True))
        assert all(kept[name] == name for name in raw if normalize_name(name) == name)


def test_a_hundred_thousand_equal_names_take_one_pass():
    names, renamed = distinct_names(["a"] * 100_000, ["a"] * 100_000)
    assert (names[-1], renamed, len(set(names))) == ("a_100000", 99_999, 100_000)


@pytest.mark.parametrize("char", ["A", "\u0303", "Á", "-"])
def test_a_name_of_a_million_characters_takes_one_pass(char):
    began = time.process_time()
    normalize_name("x" + char * 1_000_000)
    assert time.process_time() - began < 5


def test_names_remember_which_collide():
    names = Names()
    assert names.of(["User Name", "email", "User Name"]) == ["user_name", "email", "user_name"]
    assert names.colliding == set()
    assert names.of(["userName"]) == ["user_name"]
    assert names.colliding == {"User Name", "userName"}
    names.of(["user_name", "E-Mail"])
    assert names.colliding == {"User Name", "userName", "user_name"}


def test_the_names_of_a_shape_are_computed_once_in_the_order_of_its_fields():
    shapes = Shapes({"A": "a", "a": "a", "a b": "a_b", "A B": "a_b"})
    first = shapes["A", "a b", "a"]
    assert first == ({"A": "a_2", "a b": "a_b", "a": "a"}, 1)
    assert shapes["A", "a b", "a"] is first
    assert shapes["A B", "a b"] == ({"A B": "a_b", "a b": "a_b_2"}, 1)
    assert shapes["a b", "A B"] == ({"a b": "a_b", "A B": "a_b_2"}, 1)
    with pytest.raises(KeyError):
        shapes["a", "not known"]


@pytest.mark.parametrize(("length", "count"), [(1, 50_000), (20_000, 500)])
def test_shapes_of_data_used_as_names_do_not_fill_the_memory(length, count):
    names = Names()
    shapes = Shapes(names.known)
    for n in range(count):
        raw = "x" * length + str(n), "y"
        names.of(raw)
        assert shapes[raw][1] == 0
    held = sum(100 + len(name) for shape in shapes for name in shape)
    assert held <= 8_000_000 < count * (200 + length)


def test_names_are_learnt_down_to_the_given_depth():
    names = Names()
    names.learn([{"aB": [{"cD": {"eF": 1}}], "x": None}], 4)
    assert names.known == {"aB": "a_b", "x": "x", "cD": "c_d"}
