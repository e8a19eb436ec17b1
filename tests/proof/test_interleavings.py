import pytest

from tests.proof import interleavings
from tests.proof.interleavings import CASES
from tests.proof.memory import Client

MIN_ORDERS = 50


@pytest.mark.parametrize("case", [case for case in CASES if not case.long], ids=lambda it: it.name)
def test_every_order(case):
    seen = case.explore()
    assert not seen.bounded
    assert seen.orders >= MIN_ORDERS


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", [case for case in CASES if case.long], ids=lambda it: it.name)
def test_every_order_of_what_is_long(case):
    seen = case.explore()
    assert not seen.bounded
    assert seen.orders >= MIN_ORDERS


def test_a_race_is_found(monkeypatch):
    """Without the condition on the output, some order must break a promise."""
    case = next(case for case in CASES if case.name == "two keys of one output name")
    call = Client.__getattr__

    def unconditional(self, operation):
        made = call(self, operation)
        if operation != "put_object":
            return made
        return lambda **given: made(
            **{name: given[name] for name in given if name != "IfNoneMatch"}
        )

    monkeypatch.setattr(Client, "__getattr__", unconditional)
    with pytest.raises(AssertionError, match=r"processed/.* has changed"):
        case.explore()


def test_all_cases_are_named_once():
    names = [case.name for case in interleavings.CASES]
    assert len(set(names)) == len(names)
