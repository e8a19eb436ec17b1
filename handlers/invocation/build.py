"""Which build of the code runs. Pure but for the files that it is in."""

import hashlib
import platform
from functools import cache
from pathlib import Path

import orjson


@cache
def code_digest(package: Path = Path(__file__).parents[1]) -> str:
    """Return a digest of all that runs decides about an output: the handlers, orjson and Python.

    The version that people give stays the same over many builds, this does not. It is read from
    the very files that run, so that no deployment can put a wrong one beside them.
    """
    digest = hashlib.sha256(f"{platform.python_version()} {orjson.__version__}".encode())
    for path in sorted(package.rglob("*.py")):
        digest.update(f"\0{path.relative_to(package).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
