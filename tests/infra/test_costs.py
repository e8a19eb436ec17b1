"""Settings that lose money whatever the load: `pulumi preview` warns of them."""

import pytest

from infra import costs
from infra.settings import Settings
from tests.infra.recording import PROJECT, REGION, run_program, stack_config


def lost(**values: int) -> list[str]:
    return [
        sentence.split()[0]
        for sentence in costs.certain_losses(Settings(environment="test", **values))
    ]


@pytest.mark.parametrize(
    ("archive", "expiration", "noncurrent", "settings"),
    [
        (90, 365, 30, []),
        (30, 0, 30, []),
        (29, 0, 30, ["archiveDays"]),
        (29, 365, 30, ["archiveDays"]),
        (90, 150, 30, []),  # 60 days, and 30 as a noncurrent version
        (90, 149, 30, ["expirationDays"]),
        (90, 161, 18, ["expirationDays"]),
        (90, 162, 18, []),
        (20, 30, 30, ["expirationDays"]),  # archiveDays has to be below 30 there
        (20, 31, 30, ["archiveDays", "expirationDays"]),
    ],
)
def test_what_is_billed_and_not_used_is_lost(archive, expiration, noncurrent, settings):
    found = lost(archive_days=archive, expiration_days=expiration, noncurrent_days=noncurrent)
    assert found == settings


def test_the_advice_is_followed_and_nothing_is_lost_any_more():
    [sentence] = costs.certain_losses(Settings(environment="test", expiration_days=100))
    better = int(sentence.split("; ")[1].split()[0])
    assert lost(expiration_days=better) == []
    assert lost(expiration_days=better - 1) == ["expirationDays"]


def test_the_program_warns_of_them():
    early = {f"{PROJECT}:archiveDays": "7"}
    graph = run_program({"aws:region": REGION, **stack_config("dev"), **early}, stack="dev")
    [warning] = graph.warnings
    assert warning.startswith("archiveDays 7 loses money: STANDARD_IA bills 30 days")
