"""Run every check on moto without the strict rules; print the names of those that hold, as JSON."""

import json
import os

import pytest
from moto import mock_aws

from . import archived, buckets, jobs, objects, queues, uploads
from .table import SEMANTICS, Account

TABLE = (archived, buckets, jobs, objects, queues, uploads)


CLIENTS = {}


def holds(check) -> bool:
    with mock_aws():
        try:
            check(Account(clients=CLIENTS))
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a check may fail in any way
            return False
    return True


if __name__ == "__main__":
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    print(json.dumps([one.name for one in SEMANTICS if one.moto is not None and holds(one.check)]))
