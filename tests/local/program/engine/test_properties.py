from typing import Any

import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct

from local.program import packaging
from local.program.engine import properties

SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


def decoded(value: Any) -> Any:
    struct = Struct()
    struct.update({"value": value})
    return properties.decode(struct).get("value", "left out")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (3.0, 3),
        (-(2.0**53), -(2**53)),
        (0.5, 0.5),
        (True, True),
        (None, "left out"),
        ([1.0, None, {"a": 2.0}], [1, None, {"a": 2}]),
        ({"on": False, "off": None}, {"on": False}),
        ({SIGNATURE: SECRET, "value": {"deep": 1.0}}, {"deep": 1}),
        ({SIGNATURE: RESOURCE, "urn": "urn:a", "id": "i-1"}, "i-1"),
        ({SIGNATURE: RESOURCE, "urn": "urn:a"}, "urn:a"),
    ],
)
def test_values_are_plain(sent: Any, read: Any) -> None:
    assert decoded(sent) == read
    assert type(decoded(sent)) is type(read)


def test_assets_are_pulumis_own() -> None:
    files = decoded({SIGNATURE: ARCHIVE, "assets": {
        "a": {SIGNATURE: ASSET, "path": "a.py"},
        "b": {SIGNATURE: ASSET, "text": "b"},
        "c": {SIGNATURE: ASSET, "uri": "https://example.com/c"},
        "d": {SIGNATURE: ARCHIVE, "path": "d"},
        "e": {SIGNATURE: ARCHIVE, "uri": "https://example.com/e"},
    }})  # fmt: skip
    assert isinstance(files, pulumi.AssetArchive)
    kinds = {name: type(part).__name__ for name, part in files.assets.items()}
    assert kinds == {
        "a": "FileAsset",
        "b": "StringAsset",
        "c": "RemoteAsset",
        "d": "FileArchive",
        "e": "RemoteArchive",
    }


def test_an_unknown_kind_of_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="signature 0000 is unknown"):
        decoded({SIGNATURE: "0000"})


def test_what_is_written_lies_over_what_was_sent() -> None:
    sent = properties.encode({"kept": "a", "changed": 1, "nested": {"a": [1, "b"]}})
    written = properties.encode({"changed": 2, "code": pulumi.FileArchive("x")}, sent)
    assert properties.decode(written) == {"kept": "a", "changed": 2, "nested": {"a": [1, "b"]}}


@pytest.mark.parametrize(
    "archive",
    [pulumi.FileArchive("folder"), pulumi.AssetArchive({"a": pulumi.StringAsset("text")})],
)
def test_an_archive_that_is_not_the_programs_own_stays(archive: pulumi.Archive) -> None:
    assert packaging.for_this_machine(archive) is archive
