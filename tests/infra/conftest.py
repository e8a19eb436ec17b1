import pytest

from tests.infra.recording import VARIANTS, Graph, run_variant


@pytest.fixture(params=VARIANTS)
def graph(request: pytest.FixtureRequest) -> Graph:
    """Run a test on every variant."""
    return run_variant(request.param)


@pytest.fixture
def dev() -> Graph:
    return run_variant("dev")


@pytest.fixture
def prod() -> Graph:
    return run_variant("prod")


@pytest.fixture
def direct() -> Graph:
    return run_variant("direct")


@pytest.fixture
def full() -> Graph:
    return run_variant("full")
