"""Loads the descriptions of AWS's services, which botocore makes clients from, in less time.

Each cold start loads them. botocore lists some 400 service folders to find one, and parses with the
slower `json`: half of the time that a client takes. Here the services are named and orjson parses.
"""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, get_args

import orjson
from botocore.loaders import JSONFileLoader, Loader

Service = Literal["s3", "sqs", "lambda", "cloudwatch"]

# How botocore stores a description: plain, or packed where it is large.
_READERS: Final[tuple[tuple[str, Callable[[bytes], bytes]], ...]] = (
    (".json", bytes),
    (".json.gz", gzip.decompress),
)


class _Descriptions(JSONFileLoader):
    def load_file(self, file_path: str) -> Any:
        """Return a description by its path without ending; None where there is none."""
        for ending, unpacked in _READERS:
            path = Path(file_path + ending)
            if path.is_file():
                return orjson.loads(unpacked(path.read_bytes()))
        return super().load_file(file_path)  # an ending that only a later botocore knows


class ServiceModels(Loader):
    """What botocore's own loader gives, for the services that the functions call."""

    def __init__(self) -> None:
        super().__init__(file_loader=_Descriptions())

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
        """Return the services that a client can be made of."""
        return list(get_args(Service))
