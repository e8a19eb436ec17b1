import hashlib
import os
import random
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import keys

DAY = date(2024, 1, 15)
COUNT = int(os.environ.get("KEYS_COUNT", "8000"))
LIMIT = 1024
STEMS = (
    "a", "data", "sales/data", "a b", "a+b", "a%20b", "100%", "ü", "日本/語", "..", "../..", ".",
    "a/../b", "a\nb", "\t", "~" + "0" * 64, "~" + "f" * 64, "data-0123abcd", "data-" + "0" * 64,
    "x" * 900, "é" * 500, "😀" * 250, "//", "a/", "a\\b", "a?b#c", "'\"<>&", "NUL", "a.csv",
    "a.json.gz", "\u202e", "e\u0301", "\u00e9", "a\x01b", "\x00", "\r", "\x1f\x7f\x85", "\ufffe",
    "\uffff", "a%01b", "%00", "%0D", "%EF%BF%BE", "\x01" * 300,
)  # fmt: skip
SUFFIXES = (
    "",
    ".csv",
    ".CSV",
    ".tsv",
    ".json",
    ".ndjson",
    ".jsonl",
    ".json.gz",
    ".csv.gz",
    ".gz",
    ".txt",
    ".Json.GZ",
)


def output(key: str, version: str = "v1", *, compressed: bool = False) -> tuple[str, ...]:
    return keys.output_keys(key, version, DAY, compressed=compressed)


UNWRITABLE = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_writable(key: str) -> bool:
    """Return whether XML 1.0 can carry a key, and give it back as it is."""
    return not UNWRITABLE.search(key)


def generated(count: int) -> list[str]:
    """Return distinct keys of all kinds, many of them near the limit of 1,024 bytes."""
    rnd, found = random.Random(42), dict[str, None]()
    while len(found) < count:
        stem = "".join(rnd.choice(STEMS) for _ in range(rnd.randint(1, 3)))
        stem += rnd.choice(("", "/", "-", "~", " ", str(rnd.randint(0, 99))))
        suffix = rnd.choice(SUFFIXES)
        if rnd.random() < 0.3:
            room = LIMIT - len("incoming/") - len(suffix) - rnd.randint(0, 6)
            stem = (stem * room).encode()[:room].decode(errors="ignore")
        key = f"incoming/{stem}{suffix}"
        if len(key.encode()) <= LIMIT:
            found[key] = None
            if rnd.random() < 0.1:  # what a mapped key looks like, as a source key
                found[f"incoming/{keys.completed_key(key).removeprefix('completed/')}"] = None
    return [key for key in found if len(key.encode()) <= LIMIT][:count]


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ("incoming/sales/data.csv", "processed/2024/01/15/sales/data.json"),
        ("incoming/data.json", "processed/2024/01/15/data.json"),
        ("incoming/data.NDJSON.gz", "processed/2024/01/15/data.json"),
        ("incoming/data.jsonl", "processed/2024/01/15/data.json"),
        ("incoming/data.tsv.GZ", "processed/2024/01/15/data.json"),
        ("incoming/a b+c%20ü/..//x.csv", "processed/2024/01/15/a b+c%20ü/..//x.json"),
        ("incoming/no-suffix", "processed/2024/01/15/no-suffix.json"),
        ("incoming/data.csv.bak", "processed/2024/01/15/data.csv.bak.json"),
        ("incoming/.csv", "processed/2024/01/15/.json"),
        ("incoming/a.csv\n", "processed/2024/01/15/a.csv\n.json"),
        ("incoming/a\x01b\r.csv", "processed/2024/01/15/a%01b%0D.json"),
        ("incoming/\ufffe\t%01/\x00.csv", "processed/2024/01/15/%EF%BF%BE\t%01/%00.json"),
    ],
)
def test_the_output_keeps_the_path_and_takes_the_day(key, first):
    assert output(key)[0] == first
    assert output(key, compressed=True)[0] == first + ".gz"


def test_the_same_name_of_another_version_takes_its_digest():
    first, second = output("incoming/sales/data.csv", "v1"), output("incoming/sales/data.csv", "v2")
    assert first[0] == second[0]
    digest = keys.source_digest("incoming/sales/data.csv", "v1")
    assert first[1] == f"processed/2024/01/15/sales/data-{digest[:8]}.json"
    assert len(first[2]) == len(first[1]) + 56
    assert not set(first[1:]) & set(second[1:])


def test_the_day_is_that_of_creation():
    late = keys.output_keys("incoming/a.csv", "v", date(2023, 12, 31), compressed=False)
    assert late[0] == "processed/2023/12/31/a.json"


def test_originals_and_rejects_keep_the_path():
    assert keys.completed_key("incoming/sales/data.csv") == "completed/sales/data.csv"
    assert (
        keys.rejected_keys("incoming/sales/data.csv", "v", DAY)[0]
        == "rejected/2024/01/15/sales/data.ndjson"
    )


def test_the_archive_keeps_the_day():
    assert (
        keys.archive_key("processed/2024/01/15/sales/data.json")
        == "archive/2024/01/15/sales/data.json"
    )


@pytest.mark.parametrize(
    "key",
    [
        "processed/2024/01/15/", "processed/2024/13/01/a", "processed/2024/1/1/a",
        "processed/a.json", "archive/2024/01/15/a", "processed/2024/02/30/a",
        "x/processed/2024/01/15/a", "processed/2024/01/15a",
    ],
)  # fmt: skip
def test_only_what_is_in_a_days_partition_is_archived(key):
    assert keys.partition_day(key) is None
    with pytest.raises(ValueError, match="not in a day's partition of processed/"):
        keys.archive_key(key)


def test_a_partition_tells_its_day_and_its_prefix():
    assert keys.partition_day("processed/2024/01/15/a/b\n") == DAY
    assert keys.day_prefix(keys.PROCESSED, DAY) == "processed/2024/01/15/"


@pytest.mark.parametrize("key", ["a.csv", "processed/a.csv", "/incoming/a.csv", "Incoming/a.csv"])
def test_only_incoming_keys_are_mapped(key):
    for mapped in (keys.completed_key, output):
        with pytest.raises(ValueError, match="not under incoming/"):
            mapped(key)


@pytest.mark.parametrize(
    ("key", "suffix"),
    [
        ("a.csv", ".csv"), ("a.CSV.Gz", ".CSV.Gz"), ("a.json.gz", ".json.gz"), ("a.txt", ""),
        ("a.gz", ""), ("a.csv ", ""), ("csv", ""), ("a.csv.json", ".json"), ("a.csv\n", ""),
        ("a.ndjson", ".ndjson"),
    ],
)  # fmt: skip
def test_the_data_suffix_is_told_as_the_key_spells_it(key, suffix):
    assert keys.data_suffix(key) == suffix


def test_generated_keys_never_meet_and_always_fit():
    sources = generated(COUNT)
    assert len(set(sources)) == COUNT
    completed, last = {}, {}
    for key in sources:
        original = keys.completed_key(key)
        assert completed.setdefault(original, key) == key
        for version in ("v1", "v2"):
            candidates = output(key, version)
            rejected = keys.rejected_keys(key, version, DAY)
            assert last.setdefault(candidates[-1], (key, version)) == (key, version)
            assert len(set(candidates)) == len(candidates)
            assert len(set(rejected)) == len(rejected)
            archived = [keys.archive_key(candidate) for candidate in candidates]
            assert len(set(archived)) == len(candidates)
            for mapped in (original, *candidates, *rejected, *archived):
                assert len(mapped.encode()) <= LIMIT
                assert is_writable(mapped)
    assert (len(completed), len(last)) == (COUNT, 2 * COUNT)
    print(
        f"{COUNT} keys, 0 meet, the longest of {max(len(key.encode()) for key in completed)} bytes"
    )


@pytest.mark.parametrize("length", range(LIMIT - 80, LIMIT + 1))
@pytest.mark.parametrize("char", ["x", "é", "日", "😀"])
def test_keys_near_the_limit_fit_and_stay_themselves(char, length):
    room = length - len("incoming/.csv")
    stem = char * (room // len(char.encode()))
    stem += "x" * (room - len(stem.encode()))
    key = f"incoming/{stem}.csv"
    assert len(key.encode()) == length
    original = keys.completed_key(key)
    assert original.endswith(".csv")
    candidates = output(key)
    assert all(len(mapped.encode()) <= LIMIT for mapped in (original, *candidates))
    assert all(mapped.startswith("processed/2024/01/15/" + char) for mapped in candidates)


def test_a_key_that_looks_shortened_already_does_not_meet_one_that_is():
    long = "incoming/" + "x" * (LIMIT - len("incoming/.csv")) + ".csv"
    shortened = keys.completed_key(long)
    imposter = "incoming/" + shortened.removeprefix("completed/")
    assert len(imposter.encode()) <= LIMIT
    assert keys.completed_key(imposter) != shortened


def test_an_original_that_xml_cannot_carry_has_the_digest_of_its_key():
    odd, plain = "incoming/a/b\x01.csv", "incoming/a/b%01.csv"
    digest = hashlib.sha256(odd.encode()).hexdigest()
    assert keys.completed_key(odd) == f"completed/a/b%01~{digest}.csv"
    assert keys.completed_key(plain) == "completed/a/b%01.csv"
    imposter = f"incoming/a/b%01~{digest}.csv"
    assert keys.completed_key(imposter) not in (keys.completed_key(odd), "completed/a/b%01.csv")


ODD = st.text(
    st.sampled_from("ab/%01D~\x00\x01\x1f\r\n\t\ufffe\uffff\x7fü"), min_size=1, max_size=300
)


@given(
    st.text(min_size=1, max_size=300) | ODD,
    st.text(min_size=1, max_size=300) | ODD,
    st.sampled_from(SUFFIXES),
    st.sampled_from(SUFFIXES),
)
def test_two_keys_never_share_an_original_nor_a_last_candidate(first, second, suffix, other):
    try:
        one, two = f"incoming/{first}{suffix}", f"incoming/{second}{other}"
        one.encode(), two.encode()
    except UnicodeEncodeError:
        return  # S3's keys are UTF-8
    for mapped in (keys.completed_key(one), *output(one), *keys.rejected_keys(two, "v", DAY)):
        assert is_writable(mapped)
        assert len(mapped.encode()) <= LIMIT
    if one != two:
        assert keys.completed_key(one) != keys.completed_key(two)
        assert output(one)[-1] != output(two)[-1]


def test_the_digest_is_of_key_and_version():
    assert keys.source_digest("incoming/a", "b") != keys.source_digest("incoming/", "ab")
    assert keys.staging_prefix("incoming/a", "v", "1.0.0") != keys.staging_prefix(
        "incoming/a", "v", "1.0.1"
    )


@pytest.mark.parametrize(
    "text", ["", "a b/ü+%", "x" * 1_024, "漢" * 341, "é/" * 340, "base64:a", "日本語" * 110]
)
def test_metadata_values_come_back(text):
    value = keys.encode_value(text)
    assert value.isascii()
    assert len(value) <= 1_400
    assert keys.decode_value(value) == text


@pytest.mark.parametrize("value", ["base64:x", "base64:é", "base64:", "%", "%ff"])
def test_a_metadata_value_of_somebody_else_can_be_read(value):
    assert isinstance(keys.decode_value(value), str)


def test_a_restored_key_keeps_the_day_and_is_none_that_the_archiver_or_a_search_looks_at():
    restored = keys.restored_key("archive/2024/01/15/sales/a.json")
    assert restored == "restored/2024/01/15/sales/a.json"
    assert keys.partition_day(restored) is None
    for other in (
        "processed/2024/01/15/a",
        "archive/2024/13/15/a",
        "archive/a",
        "archive/2024/01/15/",
    ):
        with pytest.raises(ValueError, match="partition"):
            keys.restored_key(other)


@given(
    st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=1_100),
    st.sampled_from(SUFFIXES),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)
def test_a_fix_is_beside_its_file_and_is_found_by_its_prefixes(stem, suffix, digest):
    key = f"incoming/{stem.encode()[:1_000].decode(errors='ignore')}{suffix}"
    fix = keys.fix_key(key, digest)
    incoming, completed = keys.fix_prefixes(key)
    assert len(fix.encode()) <= LIMIT
    assert fix.startswith(incoming)
    assert incoming.startswith("incoming/")
    assert keys.completed_key(fix).startswith(completed)
    assert (keys.is_fix(fix), keys.data_suffix(fix)) == (True, ".ndjson")
    assert keys.fix_key(key, "0" * 64) != keys.fix_key(key, "1" * 64)


def test_a_fix_is_in_the_folder_of_its_file_under_the_name_without_suffix():
    digest = keys.fix_digest("incoming/a b/x.CSV.gz", "v1", b"{}\n")
    fix = keys.fix_key("incoming/a b/x.CSV.gz", digest)
    assert fix == f"incoming/a b/x.fix-{digest[:8]}.ndjson"
    assert digest != keys.fix_digest("incoming/a b/x.CSV.gz", "v2", b"{}\n")
    assert digest != keys.fix_digest("incoming/a b/x.CSV.gz", "v1", b"[]\n")
    assert not keys.is_fix("incoming/a b/x.CSV.gz")
