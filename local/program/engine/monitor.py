"""Make and record each resource that a program registers, in the place of Pulumi's engine."""

import hashlib
from collections.abc import Mapping
from threading import Condition
from typing import Any, Final, NoReturn

import pulumi
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2

from local.account.server import Account
from local.program.engine import lookups, properties, providers
from local.program.engine.providers import PROVIDER_TYPE, Provider
from local.program.plan import Plan, Request, Resource, record
from local.program.resources import creators
from local.program.resources.creation import Creation, ResourceError

STACK_TYPE: Final = "pulumi:pulumi:Stack"
# Long enough for a program to register what depends on the last resource made.
_QUIET_SECONDS: Final = 0.1


class _NoMocks(mocks.Mocks):
    """Mocks that Pulumi's monitor requires, and that the monitor below never uses."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise LookupError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        raise LookupError(args.typ)


class Monitor(mocks.MockMonitor):
    """Makes the resources that a program registers, one at a time.

    `made` holds them in the order of their creation, `stack_outputs` the stack's outputs. `failure`
    is the first error; nothing is made after it.
    """

    def __init__(self, account: Account, plan: Plan) -> None:
        super().__init__(_NoMocks())
        self.made: list[Resource] = []
        self.stack_outputs: dict[str, Any] = {}
        self.failure: Exception | None = None
        self._account = account
        self._plan = plan
        self._default = providers.default_provider(plan.config, account.region)
        self._providers: dict[str, Provider] = {}
        self._urns: set[str] = set()
        self._ids: set[tuple[str, str]] = set()
        self._turn = Condition()
        self._registrations = 0

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return a URN as the engine builds it: with the types of all parents except the stack."""
        chain = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if chain == STACK_TYPE else f"{chain}${type_}"
        return f"urn:pulumi:{self._plan.stack}::{self._plan.project}::{qualified}::{name}"

    def stop(self, reason: Exception) -> None:
        """Refuse whatever is still to be made."""
        with self._turn:
            self.failure = self.failure or reason
            self._turn.notify_all()

    def RegisterResource(  # noqa: N802 - the engine's own name
        self, request: Request
    ) -> resource_pb2.RegisterResourceResponse:
        """Make a resource, and return its id and outputs; raise ResourceError if it is refused."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        with self._turn:
            self._wait_for_turn(request)
            try:
                resource = self._make(request, urn)
            except Exception as error:
                self.failure = self.failure or error
                raise
            finally:
                self._registrations += 1
                self._turn.notify_all()
            self.made.append(resource)
        answer = properties.encode(resource.outputs, request.object)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=resource.id or "", object=answer)

    def Invoke(  # noqa: N802
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        """Return the result of a function; raise LookupError for an unknown one."""
        answer = lookups.answer(request.tok, self._account, self._provider(request.provider))
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(properties.encode(answer))
        return response

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> NoReturn:  # noqa: N802
        """Refuse to read a resource that the program did not make: the account holds no other."""
        msg = f"{request.type} {request.name!r}: reads {request.id!r} of an empty account"
        raise ResourceError(msg)

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> Empty:
        """Keep the stack's outputs; those of a component are not needed."""
        if request.urn.split("::")[2] == STACK_TYPE:
            self.stack_outputs = properties.decode(request.outputs)
        return Empty()

    def RegisterStackTransform(self, request: object) -> Empty:  # noqa: N802
        """Refuse transforms, which only Pulumi's engine can run."""
        msg = f"transforms are not run on this machine, allowed: none ({type(request).__name__})"
        raise ResourceError(msg)

    def _wait_for_turn(self, request: Request) -> None:
        """Wait until it is time to make a resource; one that is held back waits for all others.

        Raises ResourceError after a failure.
        """
        self._registrations += 1
        held = bool(request.custom) and self._plan.held_back(request.type, request.name)
        while held and self.failure is None:
            seen = self._registrations
            held = self._turn.wait_for(
                lambda seen=seen: self._registrations != seen or self.failure is not None,
                _QUIET_SECONDS,
            )
        if self.failure is not None:
            msg = f"{request.type} {request.name!r}: not made, since another failed"
            raise ResourceError(msg) from self.failure

    def _make(self, request: Request, urn: str) -> Resource:
        if urn in self._urns:
            msg = f"{request.type} {request.name!r}: two resources have this type and name"
            raise ResourceError(msg)
        if len(request.transforms) > 0:  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            self.RegisterStackTransform(request)
        self._urns.add(urn)
        inputs = properties.decode(request.object)
        if request.type == PROVIDER_TYPE:
            return self._make_provider(request, urn, providers.read_inputs(inputs))
        if not request.custom:
            return record(request, urn, inputs, inputs)
        return self._make_custom(request, urn, inputs)

    def _make_provider(self, request: Request, urn: str, inputs: Mapping[str, Any]) -> Resource:
        identifier = hashlib.sha256(f"{self._plan.seed}\0{urn}".encode()).hexdigest()[:32]
        try:
            self._providers[f"{urn}::{identifier}"] = providers.make_provider(
                inputs, region=self._account.region, account_id=self._account.account_id
            )
        except ValueError as error:
            msg = f"{request.type} {request.name!r}: {error}"
            raise ResourceError(msg) from error
        # Its outputs travel in the program's own form, as JSON in text.
        return record(request, urn, inputs, {}, id=identifier)

    def _make_custom(self, request: Request, urn: str, inputs: Mapping[str, Any]) -> Resource:
        provider = self._provider(request.provider)
        creation = Creation(
            type=request.type,
            name=request.name,
            urn=urn,
            inputs=self._repackaged(inputs),
            tags=provider.tags_of(request.type, inputs)
            if request.type in creators.CREATORS
            else {},
            account=self._account,
            region=inputs.get("region", provider.region),
            seed=self._plan.seed,
            root=self._plan.root,
        )
        created = creators.create(creation)
        if (request.type, created.id) in self._ids:
            raise creation.error(f"another resource of the program is {created.id!r} already")
        self._ids.add((request.type, created.id))
        outputs = creators.outputs_of(creation, created)
        return record(request, urn, inputs, outputs, id=created.id, archive=created.archive)

    def _repackaged(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._plan.repackage(value) if isinstance(value, pulumi.Archive) else value
            for name, value in inputs.items()
        }

    def _provider(self, reference: str) -> Provider:
        return self._providers.get(reference, self._default)
