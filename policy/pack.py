"""The controls as Pulumi policies. Those that every stack must pass are mandatory, others off.

A control of a single resource is checked before the resource is created; one that needs others is
checked once all are known. To enforce a control that is an option or waived, turn it on:
`--policy-pack-config` with a file such as `{"S3.17": "mandatory"}`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policy.control import Control
from policy.controls import CONTROLS
from policy.graph import UNKNOWN, Graph, Resource

_NAME: Final = "s3-data-pipeline"


def serve() -> None:
    """Serve the engine until it ends this process."""
    PolicyPack(
        _NAME,
        policies=policies(),
        enforcement_level=EnforcementLevel.MANDATORY,
        description="The controls that every stack of s3-data-pipeline is held to.",
    )


def policies() -> list[Policy]:
    """Return one policy for each control, with the control's id as its name."""
    return [_policy(control) for control in CONTROLS]


def _policy(control: Control) -> Policy:
    level = EnforcementLevel.MANDATORY if control.enforced else EnforcementLevel.DISABLED
    remedy = f"Set {control.option}." if control.option else control.waiver
    if control.alone:
        return ResourceValidationPolicy(
            name=control.id,
            description=control.title,
            validate=lambda args, report: _check_resource(control, args, report),
            enforcement_level=level,
            remediation_steps=remedy,
        )
    return StackValidationPolicy(
        name=control.id,
        description=control.title,
        validate=lambda args, report: _check_stack(control, args, report),
        enforcement_level=level,
        remediation_steps=remedy,
    )


def _check_resource(
    control: Control, args: ResourceValidationArgs, report: ReportViolation
) -> None:
    if args.resource_type not in control.types:
        return
    resource = Resource(
        type=args.resource_type,
        name=args.name,
        urn=args.urn,
        inputs=_plain(args.props),
        protect=args.opts.protect,
        provider=args.provider.urn if args.provider else "",
    )
    for problem in control.problems(resource, Graph((resource,))):
        report(f"{resource.name}: {problem}", resource.urn)


def _check_stack(control: Control, args: StackValidationArgs, report: ReportViolation) -> None:
    graph = Graph(tuple(_resource(it) for it in args.resources))
    for resource, problem in control.violations(graph):
        report(f"{resource.name}: {problem}", resource.urn)


def _resource(it: PolicyResource) -> Resource:
    return Resource(
        type=it.resource_type,
        name=it.name,
        urn=it.urn,
        inputs=_plain(it.props),
        protect=it.opts.protect,
        provider=it.provider.urn if it.provider else "",
        references={
            prop: frozenset(of.urn for of in found)
            for prop, found in it.property_dependencies.items()
        },
        dependencies=frozenset(of.urn for of in it.dependencies),
    )


def _plain(value: Any) -> Any:
    """Return a value of the SDK as a plain one; UNKNOWN if the SDK would refuse to read it."""
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Any]", value)
        return {key: _read(named, key) for key in named}
    if isinstance(value, Sequence) and not isinstance(value, str):
        listed = cast("Sequence[Any]", value)
        return [_read(listed, index) for index in range(len(listed))]
    # The engine has only floats.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read(container: Any, key: Any) -> Any:
    try:
        return _plain(container[key])
    except UnknownValueError:
        return UNKNOWN
