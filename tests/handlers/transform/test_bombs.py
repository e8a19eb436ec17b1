import json
import subprocess
import sys

import pytest

from tests.handlers.transform.bombs import BOMBS, MAX_EXPANSION, MIB

# Each runs in a process of its own, on up to a gigabyte: together they take minutes (make bombs).
pytestmark = pytest.mark.bombs

MEMORY_MIB = 512
BATCH_MIB = 16  # the expansion is checked after each batch
# orjson reserves 256 bytes for each element of a list that it writes, but does not touch them. They
# take no memory, but address space, which RLIMIT_AS limits.
RESERVED_MIB = {"record of short numbers": 2048}
TOO_LONG = "longer than 8388608 bytes"


def exploded(name: str, limit_mib: int) -> dict:
    command = [sys.executable, "-m", "tests.handlers.transform.bombs", name, str(limit_mib)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["peak_mib"] < MEMORY_MIB
    assert result["bytes"] < max(MAX_EXPANSION * result["source_bytes"], 64 * MIB) + BATCH_MIB * MIB
    return result


REJECTED = {
    "gzip of 1 GiB of one line": (0, f"line 1: {TOO_LONG}"),
    "depth of a million": (0, "line 1: 1000002 objects, arrays and fields, allowed: 500000"),
    "depth of a million, never closed": (
        0,
        "line 1: 1000002 objects, arrays and fields, allowed: 500000",
    ),
    "depth of a million in an array": (
        1,
        "row 2: 1000000 objects, arrays and fields, allowed: 500000",
    ),
    "depth of a million objects in lines": (
        2,
        "line 2: 2000000 objects, arrays and fields, allowed: 500000",
    ),
    "depth of 400,000": (0, "line 1: nested 400001 levels deep, allowed: 200"),
    "line of 500 MB": (2, f"line 2: {TOO_LONG}"),
    "line of 500 MB of brackets": (2, f"line 2: {TOO_LONG}"),
    "row of 500 MB": (2, f"line 3: {TOO_LONG}"),
    "row of 500 MB of delimiters": (2, f"line 3: {TOO_LONG}"),
    "row of 500 MB in quotes": (2, f"line 3: {TOO_LONG}"),
    "million names in one object": (0, f"line 1: {TOO_LONG}"),
    "million names in an element": (0, f"row 1: {TOO_LONG}"),
    "600,000 names over lines": (0, "row 1: 600001 objects, arrays and fields, allowed: 500000"),
    "million names that collide": (
        0,
        "line 1: 1000002 objects, arrays and fields, allowed: 500000",
    ),
    "object over lines of 500 MB": (2, f"row 2: {TOO_LONG}"),
    "element of 500 MB": (2, f"row 2: {TOO_LONG}"),
    "element of 500 MB of brackets": (2, f"row 2: {TOO_LONG}"),
    "element of 500 MB of one word": (2, f"row 2: {TOO_LONG}"),
    "record of empty objects": (0, "line 1: 2796185 objects, arrays and fields, allowed: 500000"),
    "record of empty arrays": (0, "line 1: 2796185 objects, arrays and fields, allowed: 500000"),
    "record of empty arrays in an array": (
        0,
        "row 1: 2796185 objects, arrays and fields, allowed: 500000",
    ),
    "record of names twice": (0, "line 1: 1677710 objects, arrays and fields, allowed: 500000"),
    "record of surrogates": (0, "line 1: a lone surrogate cannot be written as UTF-8"),
    "record of quotes and depth": (0, "line 1: nested 301 levels deep, allowed: 200"),
}
FAILED = {
    "gzip of 1 GiB of CSV": f"line 1: the header is {TOO_LONG}",
    "quote that never closes": "line 3: a quote that is opened in this row never closes",
    "quote in the header that never closes": f"line 1: the header is {TOO_LONG}",
    "header of 500 MB": f"line 1: the header is {TOO_LONG}",
    "million columns": "line 1: 1000000 columns, allowed: 500000",
    "million columns of one name": "line 1: 1000001 columns, allowed: 500000",
    "element of 500 MB that never ends": "row 2: broken array: it ends early",
}
# For files made of quotes: records written, and rejects.
QUOTES = {
    "two quotes 100 MB apart": (1_048_576 + 2, 2),
    "quotes 9 MB apart": (12 * 9_000, 12),
    "quotes and nothing else": (0, 699_050),
    "quotes and line breaks": (0, 2),
    "quotes and nothing else in a TSV": (262_145, 0),
    "a quote and nothing else in a TSV": (4_194_304, 0),
}
EXPANDING = ("gzip of rows of one byte", "gzip of broken lines")
WRITTEN = {
    "gzip of 1 GiB of blank lines": 0,
    "400,000 names in one object": 1,
    "400,000 names of which two collide": 1,
    "9,000 names of 60 KB over records": 9_000,
    "400,000 columns": 1,
    "300,000 distinct names over records": 300_000,
    "record of short numbers": 1,
    "record of one long number": 1,
    "record of one long decimal": 1,
    "record of long numbers": 1,
    "record of escapes": 1,
}
FILES = {
    "100 MB of lines": 1_233_400,
    "100 MB array": 1_248_101,
    "100 MB of CSV": 1_747_000,
    "100 MB of objects over lines": 1_497_600,
}
LARGE_FILES = {"1 GB of lines": 12_336_100, "1 GB array": 12_482_401, "1 GB of CSV": 17_476_000}


@pytest.mark.parametrize("name", REJECTED)
def test_a_bomb_is_rejected_and_the_rest_is_read(name):
    written, reason = REJECTED[name]
    result = exploded(name, MEMORY_MIB)
    assert (result["written"], result["reasons"]) == (written, [reason])
    assert "failure" not in result


@pytest.mark.parametrize("name", FAILED)
def test_a_bomb_that_breaks_the_file_fails_it(name):
    assert exploded(name, MEMORY_MIB)["failure"] == FAILED[name]


@pytest.mark.parametrize("name", QUOTES)
def test_no_number_of_quotes_costs_a_good_row(name):
    result = exploded(name, MEMORY_MIB)
    assert (result["written"], result["rejected"]) == QUOTES[name]
    assert "failure" not in result


@pytest.mark.parametrize("name", EXPANDING)
def test_a_file_that_expands_too_much_fails(name):
    result = exploded(name, MEMORY_MIB)
    assert "allowed: 500 times as many (maxExpansion)" in result["failure"]
    assert result["source_bytes"] < 8 * MIB


def test_lines_that_open_a_bracket_are_one_reject_each():
    result = exploded("brackets that open on lines", MEMORY_MIB)
    assert (result["written"], result["rejected"]) == (1, MIB)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_within_the_limits_is_written(name):
    result = exploded(name, RESERVED_MIB.get(name, MEMORY_MIB))
    assert (result["written"], result["rejected"]) == (WRITTEN[name], 0)
    assert "failure" not in result


@pytest.mark.parametrize("name", FILES)
def test_memory_does_not_grow_with_the_file(name):
    """The limit is 64 MiB above what the interpreter itself takes."""
    assert exploded(name, -64)["written"] == FILES[name]


@pytest.mark.long
@pytest.mark.parametrize("name", LARGE_FILES)
def test_memory_does_not_grow_with_a_file_of_a_gigabyte(name):
    assert exploded(name, -64)["written"] == LARGE_FILES[name]


def test_every_bomb_is_tested():
    assert set(BOMBS) == {
        *REJECTED,
        *FAILED,
        *QUOTES,
        *EXPANDING,
        "brackets that open on lines",
        *WRITTEN,
        *FILES,
        *LARGE_FILES,
    }
