"""Where an import goes, by package: `python -X importtime`, added up."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parent.parent
_TIMEOUT_SECONDS: Final = 60
_BEGIN: Final = "the import begins"
_CODE: Final = f"import sys; sys.stderr.write({_BEGIN!r} + chr(10)); import "
# `import time: own microseconds | with what it imports | module`
_LINE = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")
_PACKAGES: Final = {
    "handlers": "handlers",
    "aws_lambda_powertools": "Powertools",
    "typing_extensions": "Powertools",
    "orjson": "orjson",
    **dict.fromkeys(
        ("botocore", "jmespath", "dateutil", "six", "urllib3", "certifi"), "botocore's packages"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One package's part of an import: how many of its modules are loaded, and its share."""

    package: str
    modules: int
    share: float


def parts(module: str, variables: Mapping[str, str]) -> list[Part]:
    """Import a module in a fresh process; return the packages' parts, the largest first."""
    spent, loaded = Counter[str](), Counter[str]()
    for name, microseconds in _times(module, variables):
        package = _PACKAGES.get(name.partition(".")[0], "standard library")
        spent[package] += microseconds
        loaded[package] += 1
    whole = spent.total()
    return [
        Part(package=package, modules=loaded[package], share=own / whole)
        for package, own in spent.most_common()
    ]


def _times(module: str, variables: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return each module that is loaded, with the microseconds of its own."""
    process = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-P", "-X", "importtime", "-c", _CODE + module],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **variables},
        timeout=_TIMEOUT_SECONDS,
        check=True,
    )
    _, _, lines = process.stderr.partition(_BEGIN)
    return [(name, int(own)) for own, name in _LINE.findall(lines)]
