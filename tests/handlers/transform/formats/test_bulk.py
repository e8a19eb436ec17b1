"""Files of good and bad records, read at once, must give the same as when read one by one.

`BULK_COUNT` sets how many files are generated.
"""

import json
import os
import random

import pytest

from handlers.transform.formats.batch import Batch
from handlers.transform.formats.bulk import Bulk, OddTextError, secret_number
from handlers.transform.records.encoder import RecordEncoder
from tests.handlers.transform.reference import expected
from tests.handlers.transform.transformed import TAIL, batches_of, limits, outcome_of, transformed

COUNT = int(os.environ.get("BULK_COUNT", "60"))
GOOD = (
    b'{"a":1,"userName":"x"}',
    '{"größe":"李小龍","b":[1,{"c":""}]}'.encode(),
    '{"A":"😀"}'.encode(),
)
BAD = (
    b"{", b"}", b"]", b"[", b'{"a":', b'{"a":"open', b'{"a":1}}', b'{"a":1},', b"x", b"1", b"null",
    b"[{}]", b'{"a":1},{"b":2}', b'{"a":1} {"b":2}', b'{"a":NaN}', b'{"a":"\xff"}', b'"', b"\\",
    b",", b'{"a":"\\ud800"}', b'{"a":1e999}', b'{"a":12345678901234567890123}', b'{"a":1,"a":2}',
    b"{}", b'{"a":[1', b"2]}", b'"}', b'{"a":' * 201 + b"1" + b"}" * 201, b"\r", b"", b"  ",
    '{"größe":"李'.encode(), b'{"a":01}', b'{"\xe9":1}', b"\xef\xbb\xbf{}",
)  # fmt: skip


def one_by_one(monkeypatch, data: bytes, suffix: str):
    with monkeypatch.context() as patched:
        patched.setattr(Bulk, "encode", _refuse)
        return all_of(data, suffix)


def _refuse(*_: object) -> None:
    raise OddTextError(None)


def all_of(data: bytes, suffix: str):
    """Return the lines, counts, rejects and position of each of a file's batches."""
    return [
        (b"".join(b.lines), b.written, b.empty, b.rejects, b.after)
        for b in batches_of(data, suffix)
    ]


def grown(draw: random.Random) -> list[bytes]:
    """Return lines of which few or many are bad, some of them in a row."""
    lines = draw.choices(GOOD, k=draw.randint(1, 150))
    for _ in range(draw.choice((1, 1, 2, 5, 30))):
        at = draw.randrange(len(lines) + 1)
        lines[at:at] = draw.choices(BAD, k=draw.choice((1, 1, 1, 2, 20)))
    return lines


def test_files_give_the_same_as_line_by_line_and_as_the_reference(monkeypatch):
    for seed in range(COUNT):
        draw = random.Random(seed)
        data, block = b'{"a":0}\n' + b"\n".join(grown(draw)), draw.choice((64 * 1024, 1500, 300))
        with limits(block=block, record=8 * 1024 * 1024, parts=500_000):
            batches = all_of(data, ".ndjson")
            assert batches == one_by_one(monkeypatch, data, ".ndjson"), seed
            assert transformed(data, ".ndjson") == expected(data, ".ndjson"), seed


def test_objects_over_lines_give_the_same_as_one_by_one(monkeypatch):
    for seed in range(COUNT // 2):
        draw = random.Random(seed)
        texts = [json.dumps({"größe": n, "A": {"a": ""}}, indent=1) for n in range(60)]
        for at in draw.sample(range(1, 60), draw.choice((1, 2, 9))):
            texts[at] = draw.choice(
                ('{\n"a"\n}', '{\n"a":"x\n}', '{\n"a":NaN}', '{\n"a":1,"A":2,"a":3\n}')
            )
        data = "\n".join(texts).encode()
        assert all_of(data, ".json") == one_by_one(monkeypatch, data, ".json"), seed
        assert outcome_of(batches_of(data, ".json")).rejects == expected(data, ".json").rejects


def alone(texts: list[bytes]) -> list[int]:
    """Return the indexes of texts that were read alone, in the order of reading."""
    places: list[int] = []

    def note(text: bytes, number: int, *_: object) -> None:
        assert text == texts[number - 1_000]
        places.append(number - 1_000)

    bulk, batch = Bulk(RecordEncoder(TAIL), note, note), Batch()
    with pytest.raises(OddTextError) as caught:
        bulk.encode(bulk.joint.join(texts), len(texts), 1, batch)
    assert batch == Batch()
    bulk.read(texts, 1_000, batch, caught.value.at)
    assert batch.written == len(texts) - len(places)
    return places


# The parser gives no position of these: it accepts them, or takes the next text as a part of them.
UNPLACED = (
    *(b'{"a":12345678901234567890123}', b'{"a":1,"a":2}', b"{}"),
    *(b'{"a":[1', max(BAD, key=len)),
)


@pytest.mark.parametrize("bad", [one for one in BAD if one not in UNPLACED])
@pytest.mark.parametrize("place", [0, 1, 20, 58])
def test_a_bad_text_is_read_alone_with_at_most_two_neighbours(bad, place):
    """The texts before it hold characters of two and three bytes."""
    texts = [GOOD[1]] * 60
    texts[place] = bad
    places = alone(texts)
    assert place in places
    assert set(places) <= set(range(place - 2, place + 2))
    assert places == sorted(places)


@pytest.mark.parametrize("objects", [2, 3, 600])
@pytest.mark.parametrize("place", [0, 150, 299])
def test_a_text_of_several_objects_is_read_alone(monkeypatch, objects, place):
    texts, calls, encode = [GOOD[1]] * 300, list[int](), Bulk.encode

    def noted(bulk: Bulk, joined: bytes, count: int, number: int, batch: Batch) -> None:
        calls.append(count)
        encode(bulk, joined, count, number, batch)

    monkeypatch.setattr(Bulk, "encode", noted)
    texts[place] = b",".join([b'{"a":1}'] * objects)
    assert set(alone(texts)) <= {place - 1, place}
    assert len(calls) <= 3


@pytest.mark.parametrize("bad", [b"]", b"x", b"", b'{"a":}'])
def test_a_bad_last_text_is_read_alone(bad):
    """For some, the parser stops at the comma before them."""
    assert alone([*[GOOD[1]] * 59, bad]) == [58, 59]


def test_after_a_text_broken_in_a_string_only_the_next_is_read_alone():
    texts = [GOOD[1]] * 60
    texts[30] = b'{"a":"open'
    assert alone(texts) == [30, 31]


def test_all_are_read_alone_if_the_parser_gives_no_position():
    for odd in (b'{"a":[1', b'{"a":12345678901234567890123}', b'{"a":1,"a":2}'):
        texts = [GOOD[1]] * 300
        texts[290] = odd
        assert alone(texts) == [*range(300)]


def test_all_are_read_alone_if_bad_texts_are_dense():
    texts = [b"x" if n % 10 == 9 else GOOD[0] for n in range(500)]
    assert alone(texts) == [8, 9, *range(10, 500)]


def test_a_block_is_cut_at_most_sixteen_times():
    texts = [b"x" if n % 100 == 50 else GOOD[0] for n in range(2_000)]
    cut = [at for n in range(15) for at in (100 * n + 49, 100 * n + 50)]
    assert alone(texts) == [*cut, *range(cut[-1] + 1, 2_000)]


def test_two_bad_texts_that_would_be_valid_together_stay_bad():
    for pair in ((b'{"a":1,"b":[1', b"2]}"), (b"{}]", b"[{}"), (b'{"a":"x', b'y"}')):
        data = b"\n".join([*GOOD * 10, *pair, *GOOD * 10])
        outcome = transformed(data, ".ndjson")
        assert (len(outcome.records), outcome.rejects) == (
            60,
            [("line 31", "not JSON"), ("line 32", "not JSON")],
        )


def test_a_secret_number_comes_from_the_system_not_from_a_state_that_can_be_copied():
    numbers = set()
    for _ in range(3):
        random.seed(1)  # as in two environments restored from one snapshot
        numbers.add(secret_number())
    assert len(numbers) == 3
