"""Files of declarations for tests, and what is wrong with them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.datasets import files
from infra.datasets.files import DeclarationError


def declaration(**changed: Any) -> dict[str, Any]:
    """Return a good declaration, with some of its keys set; one that is set to None is left out."""
    found = {
        "prefix": "shop/orders/",
        "schema": schema({"total": {"type": "number"}}),
        **changed,
    }
    return {key: value for key, value in found.items() if value is not None}


def schema(fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the schema of a record with some fields."""
    return {"type": "object", "properties": dict(fields), **more}


def problems(folder: Path, **texts: Any) -> list[str]:
    """Write files by the names of their datasets, and return what is wrong with their folder.

    A value is the text of a file, its bytes, or what it declares.
    """
    for name, text in texts.items():
        content = text if isinstance(text, str | bytes) else yaml.safe_dump(text, sort_keys=False)
        raw = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.yaml").write_bytes(raw)
    try:
        files.load(".", folder)
    except DeclarationError as error:
        return list(error.problems)
    return []
