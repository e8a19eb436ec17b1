"""Controls: the tags and the provider of a resource."""

import json
from typing import Any, Final

from policy import tokens
from policy.control import control, unless
from policy.graph import UNKNOWN, Graph, Resource, UnknownError

_TAGS: Final = ("Project", "Stack", "Environment", "ManagedBy")


def is_tagged(resource: Resource, graph: Graph) -> list[str]:
    """Return what is wrong with a resource's tags, including the provider's default tags."""
    provider = graph.provider_of(resource)
    own: dict[str, Any] = resource.get("tags") or {}
    found = {**(_default_tags(provider) if provider else {}), **own}
    return [f"the tag {name} is missing" for name in _TAGS if not found.get(name)]


@control("PIPE.23", "The provider tags what it makes with project, stack, environment and tool",
         tokens.PROVIDER)  # fmt: skip
def tags_by_default(provider: Resource) -> list[str]:
    found = _default_tags(provider)
    return [f"the default tag {name} is missing" for name in _TAGS if not found.get(name)]


@control("PIPE.24", "The provider's region is set", tokens.PROVIDER)
def states_its_region(provider: Resource) -> list[str]:
    return unless(bool(provider.get("region")), "has no region")


@control(
    "PIPE.25",
    "Resources are made by the stack's own provider",
    *(token for name, token in vars(tokens).items() if name.isupper() and token.startswith("aws:")),
)
def is_made_by_the_stacks_provider(resource: Resource, graph: Graph) -> list[str]:
    provider = graph.provider_of(resource)
    # A provider that no program made is named `default` by the engine, with its version.
    return unless(
        provider is not None and not provider.name.startswith("default"),
        "is made by a default provider",
    )


def _default_tags(provider: Resource) -> dict[str, Any]:
    """Return a provider's default tags; the engine holds a provider's objects as JSON."""
    value = provider.get("defaultTags")
    if value is UNKNOWN:
        raise UnknownError
    parsed: dict[str, Any] = json.loads(value) if isinstance(value, str) else value or {}
    tags: dict[str, Any] = parsed.get("tags") or {}
    return tags
