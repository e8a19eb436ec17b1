"""Deploy the real Pulumi program to the local account, without Pulumi's command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi

from local.account.server import Account
from local.program import configuration, packaging
from local.program.engine.monitor import Monitor
from local.program.execution import Log, run_program
from local.program.plan import Plan, Resource

PROGRAM: Final = Path(__file__).resolve().parents[2] / "__main__.py"
# The `aws:` keys of a stack's file that count here; the others say how to reach an account.
_PROVIDER_KEYS: Final = frozenset({"aws:region", "aws:defaultTags"})
# Counted from when the program's own code has run, since that may have had to install wheels.
TIME_LIMIT_SECONDS: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A stack that is deployed to an account.

    `outputs` are the stack's outputs as JSON values, without those that are None, as the command
    line prints them. `resources` are in the order of their creation. `warnings` are the program's.
    """

    project: str
    stack: str
    config: Mapping[str, str]
    outputs: Mapping[str, Any]
    resources: tuple[Resource, ...]
    warnings: tuple[str, ...]

    def of_type(self, type_token: str) -> tuple[Resource, ...]:
        """Return the resources of a type, `aws:sqs/queue:Queue` say."""
        return tuple(one for one in self.resources if one.type == type_token)

    def named(self, name: str, type_token: str | None = None) -> Resource:
        """Return the resource with a logical name, and with a type if one is given.

        Raises LookupError if there is none, or more than one.
        """
        found = [
            one for one in self.resources if one.name == name and type_token in (None, one.type)
        ]
        if len(found) != 1:
            names = ", ".join(sorted({one.name for one in self.resources}))
            msg = f"{len(found)} resources {name!r} of type {type_token or 'any'}, known: {names}"
            raise LookupError(msg)
        return found[0]

    def upstream(self, urn: str) -> frozenset[str]:
        """Return the URNs of all that a resource depends on, directly or through others."""
        known = {one.urn: one.dependencies for one in self.resources}
        found: set[str] = set()
        pending = [urn]
        while pending:
            new = set(known.get(pending.pop(), ())) - found
            found |= new
            pending.extend(new)
        return frozenset(found)


def deploy(
    account: Account,
    *,
    stack: str = "dev",
    config: Mapping[str, str] | None = None,
    program: Path = PROGRAM,
    seed: str = "",
    repackage: Callable[[pulumi.Archive], pulumi.Archive] = packaging.for_this_machine,
    held_back: Callable[[str, str], bool] = lambda _type, _name: False,
    time_limit_seconds: float = TIME_LIMIT_SECONDS,
) -> Deployment:
    """Run a Pulumi program and make its resources on the account.

    Args:
        account: Where to make the resources. It must not hold this stack already, unless with
            another seed.
        stack: The stack's name; its file `Pulumi.<stack>.yaml` is beside the program. Of the file's
            `aws:` keys only the region and the default tags count here.
        config: Settings that override the file's; their keys may have a namespace.
        program: The program's file, beside its `Pulumi.yaml`.
        seed: Determines the digits at the end of generated names.
        repackage: Replaces the archive of a function by another one.
        held_back: Whether a resource, given its type and logical name, is to be made only when
            nothing else is left to make. What is made before it does not depend on it.
        time_limit_seconds: The limit for all that happens after the program's own code has run.

    Raises:
        ConfigurationError: A setting is unknown, missing or of a wrong type.
        DeploymentError: The program stopped, a resource was refused, or the time is over.
    """
    root = program.parent
    project = configuration.read_project(root)
    values = configuration.resolve(project, stack, _without_access(root, stack), config or {})
    # Otherwise the program would find the region in the user's environment.
    values.setdefault("aws:region", account.region)
    plan = Plan(
        program=program,
        project=project.name,
        stack=stack,
        config=values,
        seed=seed,
        repackage=repackage,
        held_back=held_back,
    )
    monitor, log = Monitor(account, plan), Log()
    run_program(plan, monitor, log, time_limit_seconds=time_limit_seconds)
    return Deployment(
        project=project.name,
        stack=stack,
        config=values,
        outputs=monitor.stack_outputs,
        resources=tuple(monitor.made),
        warnings=tuple(log.warnings),
    )


def _without_access(root: Path, stack: str) -> dict[str, str]:
    """Return what a stack's file sets, without the keys for the access to AWS."""
    return {
        key: value
        for key, value in configuration.read_stack(root, stack).items()
        if not key.startswith("aws:") or key in _PROVIDER_KEYS
    }
