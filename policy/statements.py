"""Read policy documents: their statements, principals, actions and resources. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from policy.graph import UNKNOWN, Resource, UnknownError

Statement = Mapping[str, Any]


def statements(resource: Resource, prop: str = "policy") -> list[Statement]:
    """Return the statements of a policy document; raise UnknownError if it is not known yet."""
    text = resource.get(prop)
    if text is UNKNOWN:
        raise UnknownError
    document: Mapping[str, Any] = json.loads(text) if isinstance(text, str) else text
    found: Any = document["Statement"]
    return [found] if isinstance(found, Mapping) else list(found)


def allowing(resource: Resource, prop: str = "policy") -> list[Statement]:
    """Return the statements that allow something."""
    return [it for it in statements(resource, prop) if it["Effect"] == "Allow"]


def denying(resource: Resource, prop: str = "policy") -> list[Statement]:
    """Return the statements that deny something."""
    return [it for it in statements(resource, prop) if it["Effect"] == "Deny"]


def listed(value: str | Sequence[str] | None) -> list[str]:
    """Return a list of a value that a document may write as one text or as several."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def actions(statement: Statement) -> list[str]:
    """Return the actions of a statement; wildcards stay."""
    return listed(statement.get("Action"))


def resources(statement: Statement) -> list[str]:
    """Return the resources of a statement; wildcards stay."""
    return listed(statement.get("Resource"))


def principals(statement: Statement, kind: str | None = None) -> list[str]:
    """Return a statement's principals, all or of one kind (`AWS`, `Service`); `*` counts as AWS."""
    named = statement.get("Principal", {})
    if isinstance(named, str):
        named = {"AWS": named}
    kinds: Iterable[str] = named if kind is None else [kind]
    return [name for it in kinds for name in listed(named.get(it))]


def conditions(statement: Statement) -> dict[str, list[str]]:
    """Return the condition keys of a statement in lower case, each with its values."""
    found: dict[str, list[str]] = {}
    for operator in statement.get("Condition", {}).values():
        for key, values in operator.items():
            found.setdefault(key.lower(), []).extend(listed(values))
    return found


def covers(statement: Statement, action: str) -> bool:
    """Return whether a statement's actions include one, `s3:PutObject` say."""
    return any(fnmatchcase(action.lower(), it.lower()) for it in actions(statement))


def covers_any(statement: Statement, names: Iterable[str]) -> list[str]:
    """Return those of some actions that a statement includes."""
    return [name for name in names if covers(statement, name)]


def is_public(statement: Statement) -> bool:
    """Return whether a statement allows something to anyone, whatever its condition is."""
    return statement["Effect"] == "Allow" and "*" in principals(statement)


def label(statement: Statement) -> str:
    """Return the name of a statement in a message."""
    return statement.get("Sid") or "a statement without Sid"


def denies_plain_transport(statement: Statement, action: str) -> bool:
    """Return whether a statement denies an action to everyone without TLS."""
    return (
        statement["Effect"] == "Deny"
        and "*" in principals(statement)
        and covers(statement, action)
        and "false" in conditions(statement).get("aws:securetransport", [])
    )
