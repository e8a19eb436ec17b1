"""Convert Pulumi's property values from protobuf to plain Python, and back.

Pulumi's own functions return whole numbers as floats, and wrap secrets; no AWS API takes either.
"""

from collections.abc import Mapping
from typing import Any, Final

import pulumi
from google.protobuf.struct_pb2 import ListValue, Struct, Value

# sdk/python/lib/pulumi/runtime/rpc.py: the key of a special value's signature, and the signatures.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"


def decode(struct: Struct) -> dict[str, Any]:
    """Return a resource's properties: whole numbers as int, secrets unwrapped, assets as Pulumi's.

    A reference to another resource becomes its id, or its URN if it has none, as the engine does
    for a provider. Keys whose value is null are left out.
    """
    return {
        key: _decode(value)
        for key, value in struct.fields.items()
        if value.WhichOneof("kind") != "null_value"
    }


def encode(properties: Mapping[str, Any], base: Struct | None = None) -> Struct:
    """Return the protobuf form of properties; those in `base` are kept or replaced."""
    struct = Struct()
    if base is not None:
        struct.CopyFrom(base)
    for key, value in properties.items():
        # Assets are in `base`, in the form in which the program sent them.
        if not isinstance(value, pulumi.Asset | pulumi.Archive):
            struct.update({key: value})
    return struct


def _decode(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _decode_struct(value.struct_value)
    if kind == "list_value":
        return _decode_list(value.list_value)
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return None if kind in (None, "null_value") else getattr(value, kind)


def _decode_list(values: ListValue) -> list[Any]:
    return [_decode(value) for value in values.values]


def _decode_struct(struct: Struct) -> Any:
    signature = struct.fields[_SIGNATURE].string_value if _SIGNATURE in struct.fields else None
    if signature is None:
        return decode(struct)
    plain = {key: _decode(value) for key, value in struct.fields.items() if key != _SIGNATURE}
    if signature == _SECRET:
        return plain["value"]
    if signature == _RESOURCE:
        return plain.get("id") or plain["urn"]
    if signature == _ASSET:
        return _asset(plain)
    if signature == _ARCHIVE:
        return _archive(plain)
    msg = f"property signature {signature} is unknown, allowed: asset, archive, secret, resource"
    raise ValueError(msg)


def _asset(plain: Mapping[str, Any]) -> pulumi.Asset:
    if "path" in plain:
        return pulumi.FileAsset(plain["path"])
    if "text" in plain:
        return pulumi.StringAsset(plain["text"])
    return pulumi.RemoteAsset(plain["uri"])


def _archive(plain: Mapping[str, Any]) -> pulumi.Archive:
    if "assets" in plain:
        return pulumi.AssetArchive(plain["assets"])
    if "path" in plain:
        return pulumi.FileArchive(plain["path"])
    return pulumi.RemoteArchive(plain["uri"])
