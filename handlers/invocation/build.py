"""Which build of the code runs."""

import hashlib
import platform
from functools import cache
from pathlib import Path

import orjson


@cache
def code_digest(package: Path = Path(__file__).parents[1]) -> str:
    """Return a digest of all code that decides an output: the handlers, orjson and Python.

    Unlike the version number, it changes with each build. It is computed from the files that run,
    so no deployment can get it wrong.
    """
    digest = hashlib.sha256(f"{platform.python_version()} {orjson.__version__}".encode())
    for path in sorted(package.rglob("*.py")):
        digest.update(f"\0{path.relative_to(package).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
