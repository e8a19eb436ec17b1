"""Runs the program against a recording engine: what it registers, in which order, with what."""

import asyncio
import contextvars
import os
import runpy
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pulumi
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime import mocks
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import ROOT as ROOT_RESOURCE
from pulumi.runtime.settings import Settings as RuntimeSettings
from pulumi.runtime.settings import configure
from pulumi.runtime.stack import run_in_stack

from local.program.engine import properties

# The SDK warns of its own former names as soon as a module is imported, used or not.
FORMER_NAMES = r"\S+ has been deprecated in favor of"
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", FORMER_NAMES)
    from infra import pipeline  # noqa: F401
    from infra.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "s3-data-pipeline"
ORGANIZATION = "acme"
ACCOUNT = "123456789012"
REGION = "eu-central-1"
PARTITION = "aws"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/bounds/pipelines"
PRODUCERS = ("111122223333", f"arn:aws:iam::{ACCOUNT}:role/teams/crm-export")
CONSUMER = "arn:aws:iam::444455556666:role/warehouse"
STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER = "pulumi:providers:aws"

# What the engine puts at the end of the names that it generates.
RANDOM = "0a1b2c3"

# An f-string over an Output is an error, not text, in everything that the tests run.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"

VARIANTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "dev": ("dev", {}),
    "prod": ("prod", {}),
    "direct": ("dev", {"processingQueue": "false"}),
    "full": (
        "prod",
        {
            "rawBucketName": "acme-raw",
            "processedBucketName": "acme-processed",
            "archiveBucketName": "acme-archive",
            "kmsKeyArn": KEY,
            "alarmEmail": "ops@example.com",
            "tracing": "true",
            "snapStart": "true",
            "compressOutput": "true",
            "accessLogs": "true",
            "outputEvents": "true",
            "batchOperations": "true",
            "permissionsBoundaryArn": BOUNDARY,
            "producerPrincipals": ", ".join(PRODUCERS),
            "consumerPrincipals": CONSUMER,
            "fallbackEncoding": "Windows-1252",
            "environment": "production",
            "dailyGigabytesAlarm": "50",
            "dailyLambdaSecondsAlarm": "7200",
        },
    ),
}


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A resource as the program registered it; `name` is without the stack's prefix."""

    type: str
    name: str
    logical_name: str
    urn: str
    inputs: Mapping[str, Any]
    parent: str
    protect: bool
    retained: bool  # where the program no longer has it
    provider: str
    dependencies: frozenset[str]
    references: Mapping[str, frozenset[str]]  # by property, whose outputs it is made of

    @property
    def is_aws(self) -> bool:
        return self.type.startswith("aws:")


@dataclass
class Graph:
    """What one run of the program registered.

    Generated physical names are `name-of-…`, ARNs `arn:of:…`, both with `random` at their end.
    `last_outputs` are those that the backend tells of the stack; None where it cannot be asked.
    """

    prefix: str
    random: str = RANDOM
    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    last_outputs: Mapping[str, Any] | None = field(default_factory=dict)
    logged: list[tuple[str, str]] = field(default_factory=list)  # severity and message

    @property
    def warnings(self) -> list[str]:
        return [message for severity, message in self.logged if severity == "WARNING"]

    def of(self, type_token: str) -> list[Registered]:
        return [it for it in self.resources if it.type == type_token]

    def get(self, type_token: str, name: str) -> Registered:
        found = [it for it in self.of(type_token) if it.name == name]
        assert len(found) == 1, f"{type_token} {name}: {[it.name for it in self.of(type_token)]}"
        return found[0]

    def one(self, type_token: str) -> Registered:
        (found,) = self.of(type_token)
        return found

    def arn(self, name: str) -> str:
        return _arn(f"{self.prefix}-{name}", self.random)

    def name(self, name: str) -> str:
        return _generated(f"{self.prefix}-{name}", self.random)

    def before(self, resource: Registered) -> set[tuple[str, str]]:
        """Return the type and name of all that must stand before a resource is made."""
        by_urn = {it.urn: it for it in self.resources}
        found: set[str] = set()
        waiting = list(resource.dependencies)
        while waiting:
            urn = waiting.pop()
            if urn not in found:
                found.add(urn)
                waiting += by_urn[urn].dependencies
        return {(by_urn[urn].type, by_urn[urn].name) for urn in found}

    def all_of(self, component: str) -> set[tuple[str, str]]:
        """Return the type and name of all that is inside of a component of a name."""
        (found,) = (it for it in self.resources if it.name == component and not it.is_aws)
        return {(it.type, it.name) for it in self.inside(found)}

    def inside(self, component: Registered) -> Iterator[Registered]:
        for it in self.resources:
            if it.parent == component.urn:
                yield it
                yield from self.inside(it)


class Recorder(mocks.MockMonitor):
    def __init__(self, graph: Graph) -> None:
        super().__init__(Answers(graph))
        self.graph = graph

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type != STACK_TYPE:
            assert urn not in {it.urn for it in self.graph.resources}, urn
            self.graph.resources.append(self._recorded(request, urn))
        return super().RegisterResource(request)

    def _recorded(self, request: Any, urn: str) -> Registered:
        references = {
            name: frozenset(of_property.urns)
            for name, of_property in request.propertyDependencies.items()
        }
        return Registered(
            type=request.type,
            name=request.name.removeprefix(self.graph.prefix).removeprefix("-"),
            logical_name=request.name,
            urn=urn,
            inputs=properties.decode(request.object),
            parent=request.parent,
            protect=request.protect,
            retained=request.retainOnDelete,
            provider=request.provider,
            dependencies=frozenset(request.dependencies).union(*references.values()),
            references=references,
        )

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        if request.urn.split("::")[2] == STACK_TYPE:
            self.graph.outputs = properties.decode(request.outputs)
        return empty_pb2.Empty()


def _generated(logical_name: str, random: str) -> str:
    return f"name-of-{logical_name}-{random}"


def _arn(logical_name: str, random: str) -> str:
    return f"arn:of:{logical_name}-{random}"


class _Engine(mocks.MockEngine):
    def __init__(self, graph: Graph) -> None:
        super().__init__(None)
        self.graph = graph

    def Log(self, request: engine_pb2.LogRequest) -> None:  # noqa: N802 - the engine's own name
        severity = engine_pb2.LogSeverity.Name(request.severity)
        self.graph.logged.append((severity, request.message))


class Answers(mocks.Mocks):
    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._random = graph.random
        self._last_outputs = graph.last_outputs

    def call(self, args: mocks.MockCallArgs) -> Any:
        if args.token == "pulumi:pulumi:readStackOutputs":
            return self._read_outputs(args.args["name"])
        return {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getRegion:getRegion": {"region": REGION},
            "aws:index/getPartition:getPartition": {"partition": PARTITION},
        }[args.token]

    def _read_outputs(self, stack: str) -> Any:
        organization, project, name = stack.split("/")
        assert (organization, project) == (ORGANIZATION, PROJECT)
        if self._last_outputs is None:
            return {}, [("name", f"unknown stack {name}")]
        return {"name": stack, "outputs": dict(self._last_outputs), "secretOutputNames": []}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if not args.custom:
            return "", {}
        computed = {
            "arn": _arn(args.name, self._random),
            "name": _generated(args.name, self._random),
            "bucket": _generated(args.name, self._random),
            "url": f"https://url-of/{args.name}",
            "version": "1",
        }
        return f"id-of-{args.name}", {**computed, **args.inputs}


def parse_settings(
    values: Mapping[str, str],
    *,
    stack: str = "dev",
    region: str | None = REGION,
    provider_values: Mapping[str, str] = {},
) -> Settings:
    """Return the settings of a stack as its program would load them on a day of 2025."""
    now = datetime(2025, 6, 1, tzinfo=UTC)
    return Settings.parse(
        values, stack=stack, region=region, now=now, provider_values=provider_values
    )


def stack_config(stack: str) -> dict[str, str]:
    """Return what a stack's file sets, as the engine passes it on."""
    stored = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in stored.items()
    }


def run_program(
    config: Mapping[str, str],
    *,
    stack: str,
    program: Path = ROOT / "__main__.py",
    random: str = RANDOM,
    last_outputs: Mapping[str, Any] | None = MappingProxyType({}),
) -> Graph:
    """Run a program to its end, with everything that it left pending; raise what it raised."""
    graph = Graph(prefix=f"{PROJECT}-{stack}", random=random, last_outputs=last_outputs)
    contextvars.copy_context().run(_run, graph, config, stack, program)
    return graph


def _run(graph: Graph, config: Mapping[str, str], stack: str, program: Path) -> None:
    pulumi.runtime.set_all_config(dict(config))
    engine = _Engine(graph)
    monitor = Recorder(graph)
    configure(
        RuntimeSettings(
            project=PROJECT,
            stack=stack,
            monitor=monitor,
            engine=engine,
            dry_run=False,
            organization=ORGANIZATION,
        )
    )
    ROOT_RESOURCE.set(None)
    with _event_loop() as loop, warnings.catch_warnings():
        warnings.filterwarnings("ignore", FORMER_NAMES)
        running = run_in_stack(lambda: _run_file(program))
        loop.run_until_complete(asyncio.wait_for(running, timeout=60))


@contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give the SDK a loop, and one to the thread in which the monitor answers; close them both."""
    loops: list[asyncio.AbstractEventLoop] = []

    def open_loop() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    open_loop()
    loop = loops[0]
    # The SDK reports one failure in thousands of lines; the failure itself is raised.
    loop.set_exception_handler(lambda _loop, _context: None)
    executor = ThreadPoolExecutor(max_workers=1, initializer=open_loop)
    loop.set_default_executor(executor)
    try:
        yield loop
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        executor.shutdown()
        for opened in loops:
            opened.close()
        asyncio.set_event_loop(None)


def _run_file(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


@cache
def run_variant(variant: str) -> Graph:
    """Return the graph of one of `VARIANTS`; each is run once."""
    stack, extra = VARIANTS[variant]
    more = {f"{PROJECT}:{key}": value for key, value in extra.items()}
    return run_program({"aws:region": REGION, **stack_config(stack), **more}, stack=stack)
