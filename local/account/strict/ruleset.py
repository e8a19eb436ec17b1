"""AWS's semantics, put onto moto: what S3, SQS and Lambda refuse or do and moto 5.2.5 does not.

The patches go onto moto's own classes, so they hold for `mock_aws` in this process and for every
client of a `ThreadedMotoServer` in it. They are process-wide and stay: they add rules of AWS, and
code that is right on AWS does not notice them. `tests/local/account/test_strict.py` lists each rule
with the page or the model of AWS that says so.
"""

import importlib
from importlib.metadata import version
from typing import Final

from local.account.strict import patches

# The patches lean on moto's private code: another version needs them checked again.
MOTO_VERSION: Final = "5.2.5"

# In the order of their wrappers, the innermost first.
_MODULES: Final = (
    "s3_objects.multipart",
    "s3_objects.conditions",
    "s3_objects.deletion",
    "s3_objects.versions",
    "s3_requests.answers",
    "s3_requests.authorization",
    "s3_buckets.encryption",
    "s3_objects.checksums",
    "s3_objects.checks",
    "s3_requests.event_notifications",
    "s3_requests.exchanges",
    "s3_buckets.notifications",
    "s3_buckets.access_logs",
    "s3_buckets.lifecycle",
    "sqs.messages",
    "sqs.queues",
    "lambda_.functions",
    "lambda_.mappings",
)


def install() -> None:
    """Put AWS's semantics onto moto in this process; a second call changes nothing.

    Raises RuntimeError where another version of moto is installed than the one they are made for.
    """
    found = version("moto")
    if found != MOTO_VERSION:
        msg = f"moto {found} is installed, the strict semantics are made for {MOTO_VERSION}"
        raise RuntimeError(msg)
    names = [f"{patches.__package__}.{module}" for module in _MODULES]
    for name in names:
        importlib.import_module(name)
    patches.apply(names)
