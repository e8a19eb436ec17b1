"""What a bundle takes of outputs of several sizes, described as the processor describes them."""

import random

import orjson
import pytest

from tests.ops.bundling import Made, bundle
from tests.ops.conftest import commit

DRAW = random.Random(20240115)


def record() -> bytes:
    quantity, price = DRAW.randint(1, 20), round(DRAW.uniform(0, 100), 2)
    fields = {
        "order_id": f"{DRAW.choice('ABCD')}X-{DRAW.randrange(10**6)}",
        "customer": f"customer {DRAW.randrange(10**5)}",
        "city": DRAW.choice(("Berlin", "Köln", "Paris", "Rome")),
        "placed_at": f"2024-01-{DRAW.randint(1, 15):02}T{DRAW.randrange(24):02}:30:00Z",
        "quantity": quantity,
        "total": round(quantity * price, 2),
        "_metadata": {"processed_at": "2024-01-15T10:30:00.000Z", "environment": "prod"},
    }
    return orjson.dumps(fields) + b"\n"


def output(number: int, size: int) -> Made:
    body = b""
    while len(body) < size:
        body += record()
    name = f"shop/orders/{number:05}"
    told = commit(f"incoming/{name}.csv", f"{DRAW.getrandbits(192):048x}")
    return Made(key=f"processed/2024/01/15/{name}.json", body=body, metadata=told)


@pytest.mark.parametrize(
    ("size", "times"), [(1_000, 1.1), (10_000, 5), (100_000, 8)], ids="{:,} bytes".format
)
def test_outputs_of_text_shrink(size, times):
    """Most of the smallest is their description, which is not compressed, to be read by anybody."""
    outputs = [output(number, size) for number in range(40)]
    whole, index, _ = bundle(outputs)
    stored = len(whole) + len(index.finish())
    assert sum(len(one.body) for one in outputs) >= times * stored
