"""Names that collide: blocks of records against the careful path and the reference.

`COLLISION_COUNT` sets how many files each test generates.
"""

import json
import os
import random

import orjson
import pytest

from handlers.transform.records.cleaning import Cleaner
from handlers.transform.records.encoder import RecordEncoder
from handlers.transform.records.json_text import parse
from tests.handlers.transform.reference import expected
from tests.handlers.transform.transformed import TAIL, batches_of, bodies, transformed

COUNT = int(os.environ.get("COLLISION_COUNT", "150"))
# Some collide, some take a name that another is renamed to, some appear late.
NAMES = ("arn", "ARN", "Arn", "arn_2", "ARN 2", "arn_3", "userName", "User Name", "user_name", "x")
LATE = ("X", "user-name", "aRN", "", "--", "field", "y")
VALUES = (1, 0, None, "", "z", False, 0.5, [], {}, [None, ""])


def grown(draw: random.Random, names: tuple[str, ...], depth: int = 0) -> dict:
    """Return an object with some of the names, in any order, at several depths."""
    fields = {}
    for name in draw.sample(names, draw.randint(0, min(6, len(names)))):
        kind = draw.random() if depth < 3 else 1
        if kind < 0.15:
            fields[name] = grown(draw, names, depth + 1)
        elif kind < 0.3:
            fields[name] = [grown(draw, names, depth + 1), [grown(draw, names, depth + 2)], 1]
        else:
            fields[name] = draw.choice(VALUES)
    return fields


def blocks(draw: random.Random) -> list[list[dict]]:
    """Return blocks of records; some names appear in the last block only, or never."""
    early = tuple(draw.sample(NAMES, draw.randint(2, len(NAMES))))
    late = early + tuple(draw.sample(LATE, draw.randint(0, 3)))
    sizes = [draw.randint(1, 5) for _ in range(draw.randint(1, 4))]
    last = len(sizes) - 1
    return [
        [grown(draw, late if at == last else early) for _ in range(size)]
        for at, size in enumerate(sizes)
    ]


@pytest.mark.parametrize("space", ["", " "])  # the text is what orjson writes, or not
def test_blocks_give_the_same_as_the_careful_path(space):
    for seed in range(COUNT):
        encoder, renamed = RecordEncoder(TAIL), 0
        for records in blocks(random.Random(seed)):
            texts = [json.dumps(one, separators=(",", f":{space}")) for one in records]
            array = f"[{','.join(texts)}]".encode()
            encoded = encoder.encode(orjson.loads(array), array)
            assert encoded is not None, seed
            careful, wanted = Cleaner(), []
            for text in texts:
                wanted += [orjson.dumps(careful.careful(parse(text.encode())))[:-1]]
                renamed += careful.renamed
            assert encoded.lines == b"".join(one + TAIL for one in wanted if one != b"{"), seed
            assert (encoded.empty, encoder.renamed) == (wanted.count(b"{"), renamed), seed


@pytest.mark.parametrize("oddity", [0.0, 0.1])
def test_files_give_the_same_as_the_reference(oddity):
    """With oddity, some records have a name twice or a long number."""
    for seed in range(COUNT):
        draw = random.Random(seed)
        lines = [json.dumps(one) for records in blocks(draw) for one in records]
        for at, line in enumerate(lines):
            if draw.random() < oddity:
                odd = draw.choice(('"ARN":7,"ARN":8', '"userName":7,"x":12345678901234567890123'))
                lines[at] = "{" + odd + (", " if line != "{}" else "") + line[1:]
        array = draw.random() < 0.3
        data = f"[{','.join(lines)}]" if array else "\n".join(lines)
        suffix = ".json" if array else ".ndjson"
        assert transformed(data.encode(), suffix) == expected(data.encode(), suffix), (seed, data)


def test_fields_are_counted_once_if_a_block_is_read_twice():
    """A late name makes a block read again; a name twice makes it read line by line."""
    late = b'{"arn":1,"ARN":2}\n{"arn":3,"ARN":4}\n{"late":5}'
    assert transformed(late, ".ndjson").renamed == 2
    twice = b'{"arn":1,"ARN":2}\n{"arn":3,"ARN":4}\n{"b":5,"b":6}'
    assert transformed(twice, ".ndjson").renamed == 3


def test_a_late_name_deep_in_an_object_collides_with_one_of_that_object():
    lines = b'{"field":{"a":1,"A":2}}\n{"a":{"a":1,"A":2,"--":3},"field":4,"--":5}'
    assert bodies(batches_of(lines, ".ndjson")) == [
        b'{"field":{"a":1,"a_2":2}}',
        b'{"a":{"a":1,"a_2":2,"field":3},"field":4,"field_2":5}',
    ]


def test_the_spelling_that_keeps_a_name_does_not_change_with_the_order_of_keys():
    lines = b'{"arn":1,"ARN":2}\n{"ARN":2,"arn":1}\n{"ARN":1,"Arn":2}\n{"Arn":2,"ARN":1}'
    assert bodies(batches_of(lines, ".ndjson")) == [
        b'{"arn":1,"arn_2":2}',
        b'{"arn_2":2,"arn":1}',
        b'{"arn":1,"arn_2":2}',
        b'{"arn":2,"arn_2":1}',
    ]


@pytest.mark.parametrize("empty", [b"{}", b"[]"])
def test_depth_counts_the_same_where_names_collide(empty):
    colliding = b'{"arn":1,"ARN":2}\n'
    for levels, rejects in ((199, []), (200, [("line 2", "too deep")])):
        deep = b'{"ARN":0,"arn":' * levels + empty + b"}" * levels
        assert transformed(colliding + deep, ".ndjson").rejects == rejects


def test_a_name_that_is_new_at_the_deepest_level_is_learnt():
    record = b'{"a":' * 199 + b'{"lastName":1}' + b"}" * 199
    [line] = bodies(batches_of(record, ".ndjson"))
    assert line == record.replace(b"lastName", b"last_name")


def test_names_that_collide_are_known_again_after_many_were_forgotten():
    """Names are forgotten above 10,000; so are the shapes of objects in which they collide."""
    many = b"\n".join(b'{"n%d":1,"N%d":2}' % (n, n) for n in range(8_000))
    colliding = b'{"Zz":1,"zz":2}\n' * 3
    last = bodies(batches_of(many + b"\n" + colliding, ".ndjson"))[-3:]
    assert last == [b'{"zz_2":1,"zz":2}'] * 3
