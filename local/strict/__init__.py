"""AWS's semantics, put onto moto: what S3, SQS and Lambda refuse or do and moto 5.2.5 does not.

The patches go onto moto's own classes, so they hold for `mock_aws` in this process and for every
client of a `ThreadedMotoServer` in it. They are process-wide and stay: they add rules of AWS, and
code that is right on AWS does not notice them. `tests/local/test_strict.py` lists each rule with
the page or the model of AWS that says so.
"""

import importlib
from importlib.metadata import version
from typing import Final

from local.strict import patches

# The patches lean on moto's private code: another version needs them checked again.
MOTO_VERSION: Final = "5.2.5"

# In the order of their wrappers, the innermost first.
_MODULES: Final = (
    "multipart",
    "conditions",
    "deletion",
    "versions",
    "answers",
    "permissions",
    "encryption",
    "checksums",
    "objects",
    "events",
    "requests",
    "destinations",
    "access_logs",
    "lifecycle",
    "messages",
    "queues",
    "functions",
    "mappings",
)


def install() -> None:
    """Put AWS's semantics onto moto in this process; a second call changes nothing.

    Raises RuntimeError where another version of moto is installed than the one they are made for.
    """
    found = version("moto")
    if found != MOTO_VERSION:
        msg = f"moto {found} is installed, the strict semantics are made for {MOTO_VERSION}"
        raise RuntimeError(msg)
    names = [f"{__name__}.{module}" for module in _MODULES]
    for name in names:
        importlib.import_module(name)
    patches.apply(names)
