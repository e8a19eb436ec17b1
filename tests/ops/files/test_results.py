"""ops reads the names that the handlers write, though it imports no more of them than the keys."""

import pytest

from handlers.aws.metadata import encode_value
from ops.files import results


@pytest.mark.parametrize(
    "key",
    [
        "incoming/a.csv",
        "incoming/ä b+%20\n~.csv",
        "incoming/" + "日本語" * 110 + ".csv",  # too long when percent-encoded
    ],
)
def test_a_key_in_metadata_is_read_as_the_handlers_wrote_it(key):
    assert encode_value(key).isascii()
    assert results.decoded(encode_value(key)) == key
