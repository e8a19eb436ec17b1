"""One local pipeline for all tests here, as `python -m local serve` starts it (make end-to-end).

The tests share it: each works under a prefix of its own and leaves no dead letter behind.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.dead_letters import queue_contents
from tests.local.served import Served, serving

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.end_to_end)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    words = ("--stack", "dev", "--config", "batchWindowSeconds=0")
    with serving(tmp_path_factory.mktemp("served"), *words) as started:
        yield started


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_contents, "POLL_SECONDS", 0)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where some commands write files
