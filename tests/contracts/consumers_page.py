"""What docs/consumers.md tells consumers to use: the event pattern and the example program."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.contracts import pages

_PAGE = "docs/consumers.md"


def pattern(bucket: str) -> dict[str, Any]:
    """Return the event pattern of the page for a bucket."""
    return json.loads(_block("json").replace("PROCESSED_BUCKET_NAME", bucket))


def example() -> dict[str, Callable[..., Any]]:
    """Run the page's program as a module, without its loop, and return its names."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(_block("python"), _PAGE, "exec"), names)  # noqa: S102 - a page of this project
    return names


def _block(language: str) -> str:
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```$", pages.read(_PAGE), re.DOTALL | re.MULTILINE
    )
    return found
