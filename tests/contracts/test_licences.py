"""Everything in the Lambda archive has a licence that the project allows."""

from email.message import Message
from types import SimpleNamespace
from typing import Any

import pytest

from tests.contracts import licences
from tests.contracts.locks import ROOT, read_pins

ARCHIVE = licences.archive_packages()


def test_the_archives_packages_are_the_locks():
    pins = read_pins((ROOT / "handlers" / "requirements.txt").read_text())

    versions = {name.replace("_", "-"): it.version for name, it in ARCHIVE.items()}
    assert versions == {pin.name: pin.version for pin in pins if pin.is_here}


@pytest.mark.parametrize("name", ARCHIVE)
def test_a_package_of_the_archive_has_an_allowed_licence(name: str):
    assert licences.find_licence(ARCHIVE[name]) in licences.ALLOWED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License-Expression": "MIT", "License": "see the file"}, "MIT"),
        ({"License": "Apache-2.0"}, "Apache-2.0"),
        ({}, "none"),
    ],
)
def test_a_licence_is_read_from_the_metadata(fields: dict[str, str], expected: str):
    metadata = Message()
    for name, value in fields.items():
        metadata[name] = value
    package: Any = SimpleNamespace(metadata=metadata)

    assert licences.find_licence(package) == expected
    assert ("none" in licences.ALLOWED) is False
