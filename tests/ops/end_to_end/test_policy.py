"""`policy`, for a stack that is there."""

import json

import pytest

from ops.pipeline.access_policies import Role
from tests.local.served import Served


@pytest.mark.parametrize("role", Role)
def test_a_policy_names_what_the_stack_has(served: Served, role: Role) -> None:
    printed = served.ops("policy", role)
    assert printed.exit_code == 0, printed.output
    resources = {
        resource
        for statement in json.loads(printed.stdout)["Statement"]
        for resource in statement["Resource"]
    }
    buckets = [value for name, value in served.outputs.items() if name.endswith("_bucket_name")]
    assert any(f":::{bucket}" in resource for bucket in buckets for resource in resources)
