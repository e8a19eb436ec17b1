"""Sizes in bytes, read from the command line."""

import re
from typing import Final

from ops.terminal.problems import UsageError

_UNITS: Final = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)")


def parse(text: str, option: str) -> int:
    """Return the bytes that an option's text names, `1MB` say; UsageError for anything else."""
    found = _SIZE.fullmatch(text.strip())
    if not found or found.group(2).upper() not in _UNITS:
        msg = f"{option} is {text!r}, allowed: a number of bytes, or of KB, MB, GB, KiB, MiB, GiB"
        raise UsageError(msg)
    return round(float(found.group(1)) * _UNITS[found.group(2).upper()])
