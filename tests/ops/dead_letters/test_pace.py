"""`redrive` sends at most so many messages a second; no test waits."""

from hypothesis import given
from hypothesis import strategies as some

from ops.dead_letters.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds


@given(
    rate=some.integers(1, 200),
    steps=some.lists(some.tuples(some.integers(1, 10), some.floats(0, 3))),
)
def test_no_second_and_no_longer_time_has_more_than_its_share(rate, steps):
    clock = Clock()
    pace = Pace(rate, clock=clock, pause=clock.pause)
    sent: list[tuple[float, int]] = []
    for wanted, work in steps:
        messages = min(wanted, rate)
        pace.wait(messages)
        sent.append((clock.time, messages))
        clock.time += work
    for start, (began, _) in enumerate(sent):
        before = 0
        for time, messages in sent[start:]:
            assert before <= (time - began) * rate + 1e-6
            before += messages


def test_what_came_late_is_not_made_up_for():
    clock = Clock()
    pace = Pace(10, clock=clock, pause=clock.pause)
    clock.time += 60
    pace.wait(10)
    pace.wait(10)
    assert clock.time == 161


def test_without_a_limit_nothing_waits():
    clock = Clock()
    pace = Pace(None, clock=clock, pause=clock.pause)
    for _ in range(1_000):
        pace.wait(10)
    assert (pace.most_at_once, clock.time) == (None, 100)
