import signal

import pytest

from tests.local.driving import Driven

# A shell that runs the tests in the background has its children ignore Ctrl-C, and so theirs.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def driven(running: Driven) -> Driven:
    """Return the pipeline that a module keeps `running`, for one test."""
    running.begin()
    return running
