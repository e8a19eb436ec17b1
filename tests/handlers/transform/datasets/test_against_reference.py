"""Datasets against a slow reference: generated schemas, and files of their records.

`DATASET_COUNT` sets how many files each test generates.
"""

import os
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.transform.datasets.dataset import Dataset
from handlers.transform.formats.batch import BadFileError
from tests.handlers.transform.datasets.generator import Maker
from tests.handlers.transform.datasets.reference import Declared
from tests.handlers.transform.reference import FileFailsError, expected
from tests.handlers.transform.transformed import limits, transformed

COUNT = int(os.environ.get("DATASET_COUNT", "40"))
EXAMPLES = settings(
    max_examples=COUNT, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
SEEDS = st.integers(0, 2**32)


def check(content: bytes, suffix: str, declaration: dict, draw: random.Random) -> None:
    """Compare records, rejects and what they break, whatever the chunks and blocks."""
    sizes = draw.choice(([], [], [draw.randint(1, 9)], [draw.randint(20, 200)]))
    block = draw.choice((64 * 1024, 1000, 100))
    with limits(block=block, record=8 * 1024 * 1024, parts=500_000):
        wanted = expected(content, suffix, declared=Declared(declaration))
        actual = transformed(content, suffix, *sizes, dataset=Dataset.read("orders", declaration))
    assert actual == wanted, (declaration, content)
    for place, broken in actual.broken.items():
        assert broken in wanted.broken[place], (declaration, content)


@EXAMPLES
@given(SEEDS)
def test_json(seed):
    draw = random.Random(seed)
    maker = Maker(draw)
    declaration, odd = maker.declaration(), draw.choice((0, 0.01, 0.1))
    records = [maker.record(declaration["schema"], odd) for _ in range(draw.choice((1, 3, 40)))]
    form = draw.choice(("lines", "array", "objects"))
    if form == "lines":
        check("\n".join(records).encode(), ".ndjson", declaration, draw)
    elif form == "array":
        check(f"[{', '.join(records)}]".encode(), ".json", declaration, draw)
    else:
        spread = [record.replace("{", "{\n", 1) for record in records]
        check("\n".join(spread).encode(), ".json", declaration, draw)


@EXAMPLES
@given(SEEDS)
def test_tables(seed):
    draw = random.Random(seed)
    maker = Maker(draw)
    declaration = maker.declaration()
    text = maker.table(declaration, draw.choice((1, 3, 40)))
    try:
        check(text.encode(), ".csv", declaration, draw)
    except FileFailsError:
        raise AssertionError(text) from None
    except BadFileError as error:
        raise AssertionError(text) from error
