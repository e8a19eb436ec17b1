"""What the pages tell people to use: the event pattern of consumers, and programs."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.contracts import pages

_CONSUMERS = "docs/consumers.md"


def pattern(bucket: str) -> dict[str, Any]:
    """Return the event pattern for consumers of a bucket."""
    return json.loads(_block(_CONSUMERS, "json").replace("PROCESSED_BUCKET_NAME", bucket))


def program(page: str = _CONSUMERS) -> dict[str, Callable[..., Any]]:
    """Run a page's program as a module, not as the main one, and return its names."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(_block(page, "python"), page, "exec"), names)  # noqa: S102 - of this project
    return names


def _block(page: str, language: str) -> str:
    block = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    (found,) = block.findall(pages.read(page))
    return found
