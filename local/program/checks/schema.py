"""Check a resource's inputs against the provider's typed classes, nested ones included.

Pulumi's mocks check nothing, and the engine that would is not here: the SDK's `…Args` classes carry
the same schema.
"""

import enum
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pulumi

PROVIDER_TYPE: Final = "pulumi:providers:aws"
# `pulumi.Input[T]` holds a forward reference to `Output[T]`.
_FORWARD: Final = {"Output": pulumi.Output, "T": typing.TypeVar("T")}
_SCALARS: Final[Mapping[type, str]] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


@dataclass(frozen=True, kw_only=True)
class Property:
    """A property of a type."""

    hint: Any
    required: bool


Schema = Mapping[str, Property]


def problems(type_token: str, inputs: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a resource's inputs: a line for each property.

    Raises LookupError for a type that the provider does not have.
    """
    return list(_check_properties(_schema(arguments_class(type_token)), inputs, ""))


def takes(type_token: str, name: str) -> bool:
    """Return whether a type has the property `name`, `tags` say."""
    return name in _schema(arguments_class(type_token))


def takes_text(type_token: str, name: str) -> bool:
    """Return whether a type has the property `name` and accepts text for it."""
    schema = _schema(arguments_class(type_token))
    return name in schema and str in _alternatives(schema[name].hint)


@cache
def arguments_class(type_token: str) -> type:
    """Return the class of a type's arguments: `aws:s3/bucket:Bucket` is `pulumi_aws.s3.BucketArgs`.

    Raises LookupError for a type that the provider does not have.
    """
    name = "Provider" if type_token == PROVIDER_TYPE else type_token.rpartition(":")[2]
    for path in _modules(type_token):
        try:
            resource = getattr(importlib.import_module(path), name, None)
        except ModuleNotFoundError:
            continue
        if getattr(resource, "pulumi_type", None) == type_token:
            # Not just any class of this name: `s3.BucketVersioningArgs` is a part of another class.
            own = sys.modules[resource.__module__]
            return getattr(own, f"{name}InitArgs", None) or getattr(own, f"{name}Args")
    msg = f"{type_token} is not a type of the AWS provider"
    raise LookupError(msg)


def _modules(type_token: str) -> Sequence[str]:
    """Return the modules where a type may be: `lambda` is `lambda_` in Python."""
    if type_token == PROVIDER_TYPE:
        return ("pulumi_aws.provider",)
    package, _, rest = type_token.partition(":")
    module = rest.partition("/")[0]
    return (f"pulumi_aws.{module}", f"pulumi_aws.{module}_") if package == "aws" else ()


@cache
def _schema(cls: type) -> Schema:
    hints = typing.get_type_hints(cls.__init__, localns=_FORWARD)
    parameters = inspect.signature(cls.__init__).parameters
    schema: dict[str, Property] = {}
    for name, member in inspect.getmembers(cls, lambda member: isinstance(member, property)):
        schema[getattr(member.fget, "_pulumi_name", name)] = Property(
            hint=hints[name], required=parameters[name].default is inspect.Parameter.empty
        )
    return schema


def _check_properties(schema: Schema, given: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in sorted(given):
        if name not in schema:
            yield f"{path}{name} is not a property, allowed: {', '.join(sorted(schema))}"
        else:
            yield from _check(schema[name].hint, given[name], f"{path}{name}")
    for name, declared in sorted(schema.items()):
        if declared.required and name not in given:
            yield f"{path}{name} is missing, it is required"


def _check(hint: Any, value: Any, path: str) -> Iterator[str]:
    """Yield nothing if one alternative fits, else what is wrong with the closest one."""
    alternatives = list(_alternatives(hint))
    if Any in alternatives:
        return
    found = [list(_check_one(alternative, value, path)) for alternative in alternatives]
    if all(found):
        mismatch = f"{path} is {value!r}, allowed: {' or '.join(map(_describe, alternatives))}"
        deeper = [lines for lines in found if lines != [""]]
        yield from deeper[0] if deeper else [mismatch]


def _check_one(hint: Any, value: Any, path: str) -> Iterator[str]:
    """Yield nothing if the value fits, "" if it is of a wrong kind, else what is wrong in it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hasattr(hint, "_pulumi_input_type"):
        yield from _check_properties(_schema(hint), value, f"{path}.") if _is_map(value) else [""]
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        if not _is_map(value):
            yield ""
            return
        for key, item in value.items():
            yield from _check(arguments[1], item, f"{path}.{key}")
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        if not isinstance(value, list):
            yield ""
            return
        for index, item in enumerate(typing.cast("list[Any]", value)):
            yield from _check(arguments[0], item, f"{path}[{index}]")
    elif not _fits(hint, value):
        yield ""


def _fits(hint: Any, value: Any) -> bool:
    if issubclass(hint, enum.Enum):
        return value in [member.value for member in hint]
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint or (hint not in _SCALARS and isinstance(value, hint))


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _alternatives(hint: Any) -> Iterator[Any]:
    """Return the types that a known value may have: those within Optional, Union and Input."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        seen: list[Any] = []
        for argument in typing.get_args(hint):
            seen.extend(one for one in _alternatives(argument) if one not in seen)
        yield from seen
    elif hint is Any:
        yield Any
    elif hint is not type(None) and origin not in _DEFERRED:
        yield hint


def _describe(hint: Any) -> str:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if hasattr(hint, "_pulumi_input_type"):
        return f"an object of {', '.join(sorted(_schema(hint)))}"
    origin = typing.get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return ", ".join(str(member.value) for member in hint)
    if isinstance(origin, type):
        return "a map" if issubclass(origin, Mapping) else "a list"
    return hint.__name__


_DEFERRED: Final = (pulumi.Output, typing.get_origin(typing.Awaitable[str]))
