"""The argument and the result of a creator, which makes one resource."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import StructureShape
from botocore.validate import ParamValidator

from local.account.server import Account
from local.program.checks import api_models

# https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming: the number of random digits.
_SUFFIX_DIGITS: Final = 7
_SHOWN: Final = 80


class ResourceError(Exception):
    """A resource cannot be created; the message names it and the reason."""


@dataclass(frozen=True, kw_only=True)
class Created:
    """A created resource: its id, and its outputs in addition to its inputs."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    archive: Path | None = None  # a function's zip file


@dataclass(frozen=True, kw_only=True)
class Creation:
    """A resource about to be created.

    `tags` holds the provider's default tags too. `seed` decides the digits of generated names, and
    `root` is where the program's relative paths start.
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    tags: Mapping[str, str]
    account: Account
    region: str
    seed: str
    root: Path
    _taken: set[str] = field(default_factory=set[str])

    def take(self, name: str, default: Any = None) -> Any:
        """Return an input, and note that it is used."""
        self._taken.add(name)
        return self.inputs.get(name, default)

    def take_shape(self, name: str) -> Any:
        """Return an input as `shape` writes it."""
        return shape(self.take(name))

    def take_document(self, name: str) -> str:
        """Return an input that is a JSON document, which a program may also give in parts.

        Raises ResourceError where it is not JSON, as the provider does.
        """
        document = self.take(name)
        if not isinstance(document, str):
            return json.dumps(document)
        try:
            json.loads(document)
        except ValueError as error:
            raise self.error(f"{name} is not JSON ({error}): {document[:_SHOWN]!r}") from error
        return document

    def untaken(self) -> list[str]:
        """Return the inputs that the creator has not used."""
        return sorted(set(self.inputs) - self._taken)

    @property
    def taken(self) -> list[str]:
        """The inputs that the creator has used."""
        return sorted(self._taken)

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags in the form that most services take."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    def physical_name(
        self, limit: int, *, key: str = "name", lower: bool = False, ending: str = ""
    ) -> str:
        """Return the name as given, from a given prefix, or generated from the logical name.

        Raises ResourceError where a generated name is longer than `limit` characters, as Pulumi
        does before it asks AWS.
        """
        given, prefix = self.take(key), self.take(f"{key}Prefix")
        if given is not None:
            return given
        stem = prefix if prefix is not None else f"{self.name.lower() if lower else self.name}-"
        generated = f"{stem}{self._digits()}{ending}"
        if len(generated) > limit:
            msg = (
                f"{key} {stem!r} plus {_SUFFIX_DIGITS} random digits is {len(generated)} long, "
                f"allowed: {limit}"
            )
            raise self.error(msg)
        return generated

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call AWS, without the parameters that are None.

        Raises ResourceError where AWS refuses, or a parameter is outside of its API's limits.
        """
        client = self.account.client(service, self.region)
        api_name = client.meta.method_to_api_mapping[operation]
        given = {name: value for name, value in parameters.items() if value is not None}
        self._check(
            client.meta.service_model.operation_model(api_name).input_shape, api_name, given
        )
        try:
            return getattr(client, operation)(**given)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            message = error.response.get("Error", {}).get("Message", "")
            raise self.error(f"{api_name}: {code}: {message}") from error
        except BotoCoreError as error:
            raise self.error(f"{api_name}: {error}") from error

    def check_call(self, service: str, operation: str, **parameters: Any) -> None:
        """Check a call that moto does not have; the resource exists only in the recorded inputs.

        Raises ResourceError as `call` does for its parameters.
        """
        model = self.account.client(service, self.region).meta.service_model
        given = {name: value for name, value in parameters.items() if value is not None}
        self._check(model.operation_model(operation).input_shape, operation, given)

    def error(self, problem: str) -> ResourceError:
        """Return an error that names this resource."""
        return ResourceError(f"{self.type} {self.name!r}: {problem}")

    def _check(self, model: StructureShape, operation: str, given: Mapping[str, Any]) -> None:
        faults = "; ".join(api_models.problems(model, given))
        report: Any = ParamValidator().validate(given, model)
        if faults or report.has_errors():
            raise self.error(f"{operation}: {faults or report.generate_report()}")

    def _digits(self) -> str:
        return hashlib.sha256(f"{self.seed}\0{self.urn}".encode()).hexdigest()[:_SUFFIX_DIGITS]


def shape(
    value: Any, renamed: Mapping[str, str] | None = None, verbatim: Collection[str] = ()
) -> Any:
    """Return a value with Pulumi's `camelCase` keys in the `PascalCase` of AWS's APIs.

    `renamed` holds the keys that the provider calls otherwise, `verbatim` those whose values are
    the user's own maps. A key that is wrong for the API is refused by the call's own check, so that
    nothing is lost.
    """
    names = renamed or {}
    if isinstance(value, Mapping):
        return {
            names.get(key) or key[:1].upper() + key[1:]: (
                item if key in verbatim else shape(item, names, verbatim)
            )
            for key, item in cast("Mapping[str, Any]", value).items()
        }
    if isinstance(value, list):
        return [shape(item, names, verbatim) for item in cast("list[Any]", value)]
    return value
