import json
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest

from handlers.transform.records.encoder import RecordEncoder, metadata_tail
from handlers.transform.records.json_text import BadRecordError, depth, is_kept, without_strings
from tests.handlers.transform.transformed import TAIL, batches_of, bodies, transformed

NAMES_BEYOND_MEMORY = 30_000


def cleaned(record: str) -> bytes:
    """Return a record as written, without `_metadata`; b"" if it became empty."""
    encoded = RecordEncoder(TAIL).encode_one(record.encode())
    assert (encoded.written, encoded.empty) in ((1, 0), (0, 1))
    return encoded.lines.removesuffix(TAIL) + b"}" if encoded.written else encoded.lines


def test_the_example_of_the_readme_holds_exactly():
    moment = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    tail = metadata_tail(processed_at=moment, environment="prod", processor_version="1.0.0")
    record = b'{"User Name": "John", "Email Address": "john@example.com", "Age": null}'
    assert RecordEncoder(tail).encode_one(record).lines == (
        b'{"user_name":"John","email_address":"john@example.com","_metadata":{"processed_at":'
        b'"2024-01-15T10:30:00.000Z","environment":"prod","processor_version":"1.0.0"}}\n'
    )


def test_processed_at_is_in_utc_to_the_millisecond():
    moment = datetime(2024, 1, 15, 12, 30, 0, 123_999, tzinfo=timezone(timedelta(hours=2)))
    tail = metadata_tail(processed_at=moment, environment="dev", processor_version="1")
    assert b'"processed_at":"2024-01-15T10:30:00.123Z"' in tail


@pytest.mark.parametrize(
    ("record", "output"),
    [
        ('{"a":null,"b":"","c":{},"d":[],"e":1}', '{"e":1}'),
        ('{"a":{"b":{"c":null,"d":[]}},"e":1}', '{"e":1}'),
        (
            '{"a":0,"b":false,"c":" ","d":0.0,"e":"\\t"}',
            '{"a":0,"b":false,"c":" ","d":0.0,"e":"\\t"}',
        ),
        ('{"a":[null,"",{},[],0]}', '{"a":[null,"",{},[],0]}'),
        ('{"a":[{"b":null},{"c":""}]}', '{"a":[{},{}]}'),
        ('{"a":[[{"b":null,"c":1}]]}', '{"a":[[{"c":1}]]}'),
        (
            '{"userName":{"firstName":[{"lastName":"x"}]}}',
            '{"user_name":{"first_name":[{"last_name":"x"}]}}',
        ),
        ('{"_metadata":{"x":1}}', '{"metadata":{"x":1}}'),
        ('{"a":"NULL","b":"0","c":"1.0","d":"true"}', '{"a":"NULL","b":"0","c":"1.0","d":"true"}'),
        ('{"a":"\\u00e9\\ud83d\\ude00\\u0000"}', '{"a":"é😀\\u0000"}'),
        ('{"b":1,"a":2}', '{"b":1,"a":2}'),
        ("{}", ""),
        ('{"a":{"b":""}}', ""),
    ],
)
def test_empty_fields_are_removed_and_everything_else_is_kept(record, output):
    assert cleaned(record).decode() == output


@pytest.mark.parametrize(
    ("record", "output", "renamed"),
    [
        ('{"User Name":1,"userName":2}', '{"user_name":1,"user_name_2":2}', 1),
        ('{"a":1,"A":2,"a_2":3}', '{"a":1,"a_3":2,"a_2":3}', 1),
        ('{"userName":1,"user_name":2}', '{"user_name_2":1,"user_name":2}', 1),
        ('{"user_name":2,"userName":1}', '{"user_name":2,"user_name_2":1}', 1),
        ('{"a":1,"a":2}', '{"a":1,"a_2":2}', 1),
        ('{"a":{"b":1,"B":2}}', '{"a":{"b":1,"b_2":2}}', 1),
        ('{"a":[{"b":1,"b":2}]}', '{"a":[{"b":1,"b_2":2}]}', 1),
        ('{"A":1,"a":null}', '{"a_2":1}', 1),  # a name does not depend on another field's value
        ('{"a":1,"A":null}', '{"a":1}', 1),
        ('{"a" :1,"a":2}', '{"a":1,"a_2":2}', 1),
        ('{"a\\\\":1,"b":2,"b":3}', '{"a":1,"b":2,"b_2":3}', 1),
        ('{"a":"\\":","b":2,"b":3}', '{"a":"\\":","b":2,"b_2":3}', 1),
        ('{"":1,"--":2}', '{"field":1,"field_2":2}', 1),
        ('{"\\u0061":1,"a":2}', '{"a":1,"a_2":2}', 1),
    ],
)
def test_names_that_collide_are_both_kept_and_counted(record, output, renamed):
    encoder = RecordEncoder(TAIL)
    encoded = encoder.encode_one(record.encode())
    assert encoded.lines == output.encode()[:-1] + TAIL
    assert encoder.renamed == renamed


def test_a_normalised_name_does_not_depend_on_earlier_records():
    lines = b'{"A":1}\n{"a":2}\n{"A":3,"a":4}\n{"a":5}\n'
    assert bodies(batches_of(lines, ".ndjson")) == [
        b'{"a":1}',
        b'{"a":2}',
        b'{"a_2":3,"a":4}',
        b'{"a":5}',
    ]
    assert bodies(batches_of(lines, ".ndjson", 1)) == bodies(batches_of(lines, ".ndjson"))


def test_an_empty_field_takes_its_name_even_if_all_other_names_are_known():
    encoder = RecordEncoder(TAIL)
    assert encoder.encode_one(b'{"a":1}').lines.startswith(b'{"a":1')
    assert encoder.encode_one(b'{"a":null,"A":2}').lines.startswith(b'{"a_2":2')


def test_the_same_file_twice_gives_the_same_bytes():
    data = b'[{"A":1,"a":2,"n":12345678901234567890123},{"x":null},7,{"b":NaN},{"c":[{"d":""}]}]'
    first, second = batches_of(data, ".json"), batches_of(data, ".json", 3)
    assert b"".join(b"".join(b.lines) for b in first) == b"".join(b"".join(b.lines) for b in second)
    assert [r.line() for b in first for r in b.rejects] == [
        r.line() for b in second for r in b.rejects
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("[1]", "not an object but an array"),
        ('"x"', "not an object but a string"),
        ("1", "not an object but a number"),
        ("12345678901234567890123", "not an object but a number"),
        ("true", "not an object but a boolean"),
        ("null", "not an object but null"),
        ('{"a":NaN}', "NaN is not a JSON number"),
        ('{"a":"\\ud800"}', "a lone surrogate cannot be written as UTF-8"),
        ('{"\\udc00":1}', "a lone surrogate cannot be written as UTF-8"),
        ('{"a":' * 201 + "1" + "}" * 201, "nested 201 levels deep, allowed: 200"),
        ('{"a":' + "[" * 200 + "]" * 200 + "}", "nested 201 levels deep, allowed: 200"),
    ],
)
def test_bad_records_have_a_reason(record, reason):
    with pytest.raises(BadRecordError) as error:
        RecordEncoder(TAIL).encode_one(record.encode())
    assert str(error.value) == reason


def test_invalid_utf8_is_a_bad_record_with_its_place():
    with pytest.raises(BadRecordError, match="invalid UTF-8 at byte 6, maybe Windows-1252"):
        RecordEncoder(TAIL).encode_one(b'{"a":"\xff"}')


@pytest.mark.parametrize(
    "record",
    [b"{", b'{"a":}', b'{"a":1,}', b"{'a':1}", b'{"a":01}', b'{"a":1}}', b"\xef\xbb\xbf{}"],
)
def test_broken_json_says_where(record):
    with pytest.raises(json.JSONDecodeError):
        RecordEncoder(TAIL).encode_one(record)


def test_two_hundred_levels_are_allowed():
    assert cleaned('{"a":' * 200 + "1" + "}" * 200) == b'{"a":' * 200 + b"1" + b"}" * 200


@pytest.mark.parametrize("empty", ["{}", "[]"])
@pytest.mark.parametrize("odd", ["", ',"n":12345678901234567890123', ',"a":1'])
def test_an_empty_object_or_array_counts_as_a_level_on_every_path(empty, odd):
    """A long number, or a name twice, sends the record to the careful path."""
    within = '{"a":' * 199 + empty + "}" * 199
    beyond = '{"a":' * 200 + empty + "}" * 200
    assert RecordEncoder(TAIL).encode_one(f"{within[:-1]}{odd}}}".encode()).written == bool(odd)
    with pytest.raises(BadRecordError, match="nested 201 levels deep, allowed: 200"):
        RecordEncoder(TAIL).encode_one(f"{beyond[:-1]}{odd}}}".encode())
    lines = f'{{"b":1}}\n{beyond[:-1]}{odd}}}\n{{"b":2}}\n'.encode()
    assert transformed(lines, ".ndjson").rejects == [("line 2", "too deep")]


def test_a_record_is_rejected_above_the_limits_and_kept_at_them():
    limit = 8 * 1024 * 1024
    assert transformed(b'{"a":"%b"}' % (b"x" * (limit - 8)), ".json").rejects == []
    assert transformed(b'{"a":"%b"}' % (b"x" * (limit - 7)), ".json").rejects == [
        ("line 1", "too long")
    ]
    assert transformed(b'{"a":[%b{"b":1}]}' % (b"[]," * 499_995), ".json").rejects == []
    assert transformed(b'{"a":[%b{"b":1}]}' % (b"[]," * 499_996), ".json").rejects == [
        ("line 1", "too many parts")
    ]


def test_brackets_and_colons_inside_strings_are_not_parts_of_a_record():
    assert transformed(b'{"a":"%b"}' % (b"{:[" * 400_000), ".json").rejects == []


def test_data_used_as_names_does_not_fill_the_memory():
    encoder = RecordEncoder(TAIL)
    for n in range(0, NAMES_BEYOND_MEMORY, 100):
        text = b"[%b]" % b",".join(b'{"id %d":1}' % i for i in range(n, n + 100))
        encoded = encoder.encode(orjson.loads(text), text)
        assert encoded is not None
        assert encoded.lines.startswith(b'{"id_%d":1' % n)
    assert len(encoder._cleaner._names.known) < NAMES_BEYOND_MEMORY / 2


@pytest.mark.parametrize("number", [b"1", b"1e999"])  # orjson refuses it: the careful path
def test_names_one_by_one_or_long_names_do_not_fill_the_memory(number):
    encoder = RecordEncoder(TAIL)
    for n in range(NAMES_BEYOND_MEMORY):
        encoder.encode_one(b'{"id_%d":%b}' % (n, number))
    assert len(encoder._cleaner._names.known) < NAMES_BEYOND_MEMORY / 2
    for n in range(200):
        encoder.encode_one(b'{"%b%d":%b}' % (b"x" * 20_000, n, number))
    assert sum(map(len, encoder._cleaner._names.known)) < 2_000_000


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"a":1,"a":2}', 2), ('{"a" :1,"a":2}', 2), ('{"a\\\\":1,"a":2}', 2),
        ('{"a\\"":1,"b":2}', 2), ('{"a":"\\":"}', 1), ('{"a":":"}', 1),
        ('{"a":"b","c\\\\\\"":": "}', 2), ('{"a"\n:{"b"\t:[{"c":0}]}}', 3), ('{"a":" :"}', 1),
        ("[]", 0),
    ],
)  # fmt: skip
def test_a_lost_field_is_always_found(text, fields):
    assert is_kept(text.encode(), fields)
    assert not is_kept(text.encode(), fields - 1)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        (b'{"a":[1]}', b"{:[1]}"),
        (b'"\\"["]', b"]"),
        (b'"\\\\"["x"]', b"[]"),
        (b'["open [', b"["),
        (b'["open\\', b"["),
    ],
)
def test_strings_are_left_out(text, bare):
    assert without_strings(text) == bare
    assert without_strings(b" " * 100_000 + text).strip() == bare


def test_depth_counts_brackets_outside_strings():
    assert depth(b"[" * 300 + b"]" * 300) == 300
    assert depth(b"[" * 300) == 300
    assert depth(b'["%b"]' % (b"[" * 300)) == 1
    assert depth(b"[]" * 300) == 1
