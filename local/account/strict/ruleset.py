"""Put AWS's rules on moto: what S3, SQS and Lambda refuse or do, and moto 5.2.5 does not.

The patches change moto's classes for the whole process, and for good: for `mock_aws`, and for every
client of a `ThreadedMotoServer`. Code that works on AWS does not notice them.
`tests/local/account/test_strict.py` lists each rule with AWS's page or model that states it.
"""

import importlib
from importlib.metadata import version
from typing import Final

from local.account.strict import patches

# The patches depend on moto's private code, so a new version needs each of them checked.
MOTO_VERSION: Final = "5.2.5"

# In the order in which their wrappers are put on: the innermost first.
_MODULES: Final = (
    "s3_objects.multipart",
    "s3_objects.conditions",
    "s3_objects.deletion",
    "s3_objects.versions",
    "s3_objects.retrievals",
    "s3_requests.routing",
    "s3_requests.answers",
    "s3_requests.authorization",
    "s3_buckets.encryption",
    "s3_objects.checksums",
    "s3_objects.checks",
    "s3_requests.event_notifications",
    "s3_requests.event_bridge",
    "s3_requests.exchanges",
    "s3_buckets.notifications",
    "s3_buckets.access_logs",
    "s3_buckets.lifecycle",
    "s3_control.jobs",
    "sqs.messages",
    "sqs.queues",
    "lambda_.functions",
    "lambda_.versions",
    "lambda_.mappings",
    "iam",
)


def install() -> None:
    """Put AWS's rules on moto in this process; harmless when repeated.

    Raises RuntimeError if the installed version of moto is not the one they were written for.
    """
    found = version("moto")
    if found != MOTO_VERSION:
        msg = f"moto {found} is installed, the strict semantics are made for {MOTO_VERSION}"
        raise RuntimeError(msg)
    names = [f"{patches.__package__}.{module}" for module in _MODULES]
    for name in names:
        importlib.import_module(name)
    patches.apply(names)
