import pytest

from handlers.aws.failures import OutOfTimeError
from handlers.invocation.deadline import Deadline


class Clock:
    def __init__(self, left):
        self.left = left

    def __call__(self):
        return self.left


@pytest.mark.parametrize(
    ("left", "usable"), [(10, 8), (100, 80), (150, 120), (300, 270), (900, 870)]
)
def test_a_fifth_or_half_a_minute_is_kept_back(left, usable):
    assert Deadline(Clock(left)).remaining_seconds() == pytest.approx(usable)


def test_what_is_kept_back_stays():
    clock = Clock(300)
    deadline = Deadline(clock)
    clock.left = 20
    assert deadline.remaining_seconds() == pytest.approx(-10)


def test_blocks_end_with_the_time():
    clock = Clock(10)
    deadline = Deadline(clock)
    seen = []

    def blocks():
        for number in range(10):
            clock.left = 10 - 3 * number
            yield bytes([number])

    with pytest.raises(OutOfTimeError):
        seen.extend(deadline.guard(blocks()))
    clock.left = 10
    assert list(deadline.guard([b"a", b"b"])) == [b"a", b"b"]


def test_no_block_is_given_twice_or_behind_the_end():
    clock = Clock(10)
    guarded = Deadline(clock).guard(iter([b"a", b"b"]))
    assert next(guarded) == b"a"
    clock.left = 1
    with pytest.raises(OutOfTimeError):
        next(guarded)
