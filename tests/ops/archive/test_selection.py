"""The outputs of a source are found by what their keys have in common."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from handlers import keys
from ops.archive import selection

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=700)
suffixes = st.sampled_from(("", ".csv", ".json", ".NDJSON.gz"))


@given(
    names.filter(lambda name: len(name.encode()) <= 1000),
    suffixes,
    st.text(),
    st.dates(),
    st.booleans(),
)
def test_every_key_that_an_output_may_have_is_looked_at(name, suffix, version, day, compressed):
    source = f"{keys.INCOMING}{name}{suffix}"
    for key in keys.output_keys(source, version, day, compressed=compressed):
        archived = keys.archive_key(key)
        assert archived.startswith(selection._common_beginning(source, day))
        assert selection._may_be_of(source, archived)


def test_what_only_begins_alike_is_not():
    source, folder = "incoming/sales/a.csv", "archive/2024/01/15/sales"
    assert selection._common_beginning(source, date(2024, 1, 15)) == f"{folder}/a"
    for name in (
        "ab.json",
        "a.json.txt",
        "a-0123abc.json",
        "a-0123abcg.json",
        "a/b.json",
        "a.ndjson",
    ):
        assert not selection._may_be_of(source, f"{folder}/{name}")
