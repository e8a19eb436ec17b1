"""The seeded bugs fit the code as it is; `make mutants` runs them."""

import pytest

from tests.mutants.run import ROOT
from tests.mutants.seeded import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_seeded_bug_has_its_place(mutant):
    text = (ROOT / mutant.path).read_text()
    assert text.count(mutant.old) == 1
    assert mutant.old != mutant.new
    compile(text.replace(mutant.old, mutant.new), mutant.path, "exec")


def test_there_are_enough_and_each_has_a_name():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 140
