"""Check names: of datasets, their tables, folders and fields. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from handlers import keys
from handlers.transform.records.names import normalize_name
from infra.datasets.checks.problems import Problem, Rule
from infra.datasets.columns import PARTITION

# Glue takes 255, less what names a table of archived or rejected records. Rather short, since each
# is part of the names of other resources, and typed in queries.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,99}")
NAME_ALLOWED: Final = "a lower-case letter, then such letters, digits or _, at most 100 characters"
# https://docs.aws.amazon.com/athena/latest/ug/create-table.html: Athena ignores files and folders
# whose name begins with `_` or `.`.
_FOLDER: Final = re.compile(r"(?!incoming/)([A-Za-z0-9=-][A-Za-z0-9_.=-]*/)+")
# A key has 1024 bytes. What a file's name and the pipeline's own prefixes need is left.
_LONGEST_PREFIX: Final = 512
# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
_LONGEST_FIELD: Final = 255
_STEPS_TO_FIELD: Final = len(("schema", "properties", "total"))

PREFIX: Final = Rule(
    holds=lambda value: (
        isinstance(value, str)
        and len(value) <= _LONGEST_PREFIX
        and _FOLDER.fullmatch(value) is not None
    ),
    allowed=(
        f"a folder below {keys.INCOMING}, such as shop/orders/: names of letters, digits or _.=-, "
        "each with a / after it, none of which begins with _ or ., "
        f"at most {_LONGEST_PREFIX} characters"
    ),
)


def dataset_problems(name: str) -> Iterator[Problem]:
    """Yield a problem if a file's name, without its suffix, cannot name a dataset."""
    if not _NAME.fullmatch(name):
        yield Problem((), f"the name {name!r} is not one of a table, allowed: {NAME_ALLOWED}")


def field_problems(name: str, path: tuple[str | int, ...]) -> Iterator[Problem]:
    """Yield a problem if a name is not that of a cleaned field, or not of a table's column."""
    cleaned = normalize_name(name)
    if cleaned != name:
        yield Problem(path, f"no record has this field, since names are cleaned: use {cleaned}")
    elif not name.isascii() or len(name) > _LONGEST_FIELD:
        yield Problem(
            path,
            "cannot be the name of a column, allowed: letters a to z, digits and _, "
            f"at most {_LONGEST_FIELD}; a field that the schema does not name is kept as it is",
        )
    elif len(path) == _STEPS_TO_FIELD and name == PARTITION:
        yield Problem(path, "is the name of the partition of each table, allowed: another name")
