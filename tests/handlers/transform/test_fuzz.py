import os
import subprocess
import sys

import pytest

from handlers.transform.formats.batch import BadFileError
from tests.handlers.transform import fuzz
from tests.handlers.transform.fuzz import Grower, check

COUNT = int(os.environ.get("FUZZ_COUNT", "50000"))


@pytest.mark.bombs
def test_mutated_files_give_the_same_as_the_reference_or_fail_with_a_reason():
    ends = fuzz.fuzz(COUNT)
    print(f"{ends.total()} inputs, 0 failures")
    assert ends.total() == COUNT
    # An input that is always broken, or never, would prove little.
    assert all(
        ends[end] > COUNT * 0.05 for end in ("file fails", "no records", "records", "some rejected")
    )


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_million_mutated_files():
    assert fuzz.fuzz(1_000_000, first_seed=10_000_000).total() == 1_000_000


def test_a_seed_generates_the_same_file_every_time():
    assert [Grower(seed).file() for seed in range(200)] == [
        Grower(seed).file() for seed in range(200)
    ]


def test_the_fuzzer_sees_a_lost_record(monkeypatch):
    monkeypatch.setattr(fuzz, "transformed", lambda *_, **__: fuzz.Outcome())
    with pytest.raises(AssertionError):
        fuzz.fuzz(50)


def test_the_fuzzer_sees_a_file_that_should_have_failed(monkeypatch):
    monkeypatch.setattr(fuzz, "transformed", lambda *_, **__: fuzz.Outcome())
    failing = next(seed for seed in range(1000) if _fails(seed))
    with pytest.raises(pytest.fail.Exception):
        check(failing)


def _fails(seed: int) -> bool:
    try:
        fuzz.expected(*Grower(seed).file())
    except fuzz.FileFailsError:
        return True
    return False


def test_the_fuzzer_lets_no_other_exception_pass(monkeypatch):
    def crash(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(fuzz, "transformed", crash)
    with pytest.raises(RecursionError):
        fuzz.fuzz(20)


def test_a_file_may_fail_only_where_the_reference_says_so(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise BadFileError("because")

    monkeypatch.setattr(fuzz, "transformed", fail)
    with pytest.raises(BadFileError):
        fuzz.fuzz(20)


def test_the_command_prints_its_totals():
    command = [
        sys.executable,
        "-m",
        "tests.handlers.transform.fuzz",
        "--count",
        "300",
        "--seed",
        "7",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "300 inputs, 0 failures"
