"""Work in several threads: how much is taken in advance, and what a failure ends."""

from collections.abc import Iterator

import pytest

from ops.files.workers import map_unordered


def test_every_item_is_worked_on_and_few_are_held():
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1_000):
            taken.append(number)
            yield number

    results = map_unordered(lambda number: -number, items(), at_once=2)
    first = next(results)
    assert len(taken) < 20
    assert sorted([first, *results]) == sorted(-number for number in range(1_000))


def test_nothing_is_begun_behind_a_failure():
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 1:
            msg = "broken"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="broken"):
        list(map_unordered(work, range(1_000), at_once=2))
    assert len(begun) < 20


def test_without_items_there_is_no_result():
    assert list(map_unordered(str, (), at_once=2)) == []
