"""Churn: whatever may happen to files and settings, in random order and interrupted."""

import pytest

from handlers.invocation.attempts import Attempt
from tests.proof.churn import SEEDS, churn

QUICK = 25


@pytest.mark.parametrize("seed", SEEDS[:QUICK])
def test_each_version_is_delivered_once(seed):
    churn(seed)


@pytest.mark.long
def test_each_version_is_delivered_once_in_many_pipelines():
    """And they meet what is rare."""
    met = sum((churn(seed) for seed in SEEDS[QUICK:]), churn(0))
    assert met["in a bundle"] > 100
    assert met["came back"] > 100
    assert met["in a bundle and replaced"]
    assert met["in both buckets"]


@pytest.mark.parametrize(("seed", "told"), [(15, "rejects .* instead"), (115, "has the outputs")])
def test_a_churn_is_no_yes_man(monkeypatch, seed, told):
    """If a redriven message is taken for a new one, a setting that has changed does harm."""
    monkeypatch.setattr(Attempt, "may_be_repeated", lambda self, _: self.number > 1)
    with pytest.raises(AssertionError, match=told):
        churn(seed)
