import pytest

from handlers.names import Names, distinct_names, normalize_name
from tests.handlers.reference import snake_case


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
        ("ＵｓｅｒＮａｍｅ", "user_name"),  # full width is made plain by NFKC
        ("cafe\u0301", "café"),  # so is what is composed of two characters
        ("İstanbul", "i_stanbul"),  # lower case of İ is i and a dot that is no letter
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
    ("names", "distinct", "renamed"),
    [
        ([], [], 0),
        (["a", "b"], ["a", "b"], 0),
        (["a", "a", "a"], ["a", "a_2", "a_3"], 2),
        (["a", "a_2", "a"], ["a", "a_2", "a_3"], 1),
        (["a", "a", "a_2"], ["a", "a_2", "a_2_2"], 2),
        (["a_2", "a", "a"], ["a_2", "a", "a_3"], 1),
    ],
)
def test_names_that_meet_are_numbered_in_order(names, distinct, renamed):
    assert distinct_names(names) == (distinct, renamed)


def test_a_hundred_thousand_equal_names_take_no_more_than_one_pass():
    names, renamed = distinct_names(["a"] * 100_000)
    assert (names[-1], renamed, len(set(names))) == ("a_100000", 99_999, 100_000)


def test_names_remember_whether_two_meet():
    names = Names()
    assert names.of(["User Name", "email", "User Name"]) == ["user_name", "email", "user_name"]
    assert not names.meeting
    assert names.of(["userName"]) == ["user_name"]
    assert names.meeting


def test_names_are_learnt_at_every_depth_but_no_deeper_than_told():
    names = Names()
    names.learn([{"aB": [{"cD": {"eF": 1}}], "x": None}], 4)
    assert names.known == {"aB": "a_b", "x": "x", "cD": "c_d"}
