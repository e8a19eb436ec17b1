"""Patterns that can take exponential time are found, and no common one that cannot."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.datasets.patterns import takes_long

SLOW = [
    *("^(a+)+$", "^(a*)*$", "^(a+)*$", "^(?:a+)+$", "(a{2,})*b", "^((a+)b?)*$", "^(a+?)+?$"),
    *("^(x|a+)*$", "^(?P<n>a+)+$", "^((?:a)+)+$", "^(a{1,30})+$", r"^(\w+\s?)*$", "^(,?a+)+$"),
    *("(?=(a+)+$)a", "(?>(a+)+$)", "^(?:b(a+)+)?$", "^(.+,)*$", "^([^;]+,)*$", "^(?i:xX+)*$"),
    *(r"^([\w.]+\.)*x$", r"^(x)(-\1(a+))*$", "^((a)(?(2)a+|b))*$", r"^(\s+\w+)*$"),
]
CHEAP = [
    *("^a+$", "a+b*c{2,}", "^(ab)+$", "^[A-Z]{2}-[0-9]+$", "^(a|b)*$", "^(a?b)*$", "^(a{3})*$"),
    *("^[a-z]+(-[a-z]+)*$", r"^\w+([.-]\w+)*@\w+(\.\w+)+$", r"^(\d+,)*\d+$", r"^\d{1,3}(,\d{3})*$"),
    *(r"^(\d{1,3}\.){3}\d{1,3}$", "^(a+){2}$", "^(a++)+$", "^(?>a+)+$", "^(a+)*+$", "^(a(?=b+))*$"),
    *("", "^$", "(a+)?", "^(;[^;]*)*$", "^(/[^/]*)+$", "^(?:é[a-z]+)*$", "^(a+b|c)?(d+e)*$"),
]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_repeat_of_a_repeat_is_found(pattern: str):
    assert takes_long(pattern)


@pytest.mark.parametrize("pattern", CHEAP)
def test_a_pattern_without_one_is_taken(pattern: str):
    re.compile(pattern, re.ASCII)
    assert not takes_long(pattern)


PARTS = st.recursive(
    st.sampled_from(["a", "b", "-", "[ab]", "[^-]", r"\w"]),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, st.sampled_from(["+", "*", "{2,}", "{2}"])).map(
            lambda it: f"(?:{it[0]}){it[1]}"
        )
    ),
    max_leaves=5,
)


@settings(max_examples=100)
@given(PARTS)
def test_what_is_taken_refuses_texts_in_no_time(part: str):
    pattern = f"^{part}$"
    if not takes_long(pattern):
        for text in ("a" * 24, "ab" * 12, "a-" * 12, "-" * 24):
            begun = time.process_time()
            re.search(pattern, text + "!", re.ASCII)
            assert time.process_time() - begun < 0.2, (pattern, text)


def test_a_pattern_nests_as_deep_as_python_reads_it():
    assert takes_long("(?:" * 90 + "a+" + ")*" * 90)
    assert not takes_long("(" * 90 + "a+" + ")" * 90)
