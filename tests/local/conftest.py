import pytest

from tests.local.driving import Driven


@pytest.fixture
def driven(running: Driven) -> Driven:
    """Return the pipeline that a module keeps `running`, for one test."""
    running.begin()
    return running
