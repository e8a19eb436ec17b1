import pytest

from tests.infra.recording import VARIANTS, Graph, run_variant


@pytest.fixture(params=VARIANTS)
def graph(request: pytest.FixtureRequest) -> Graph:
    """Run a test on every variant of the stacks."""
    return run_variant(request.param)
