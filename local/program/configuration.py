"""Read a stack's configuration as `pulumi up` does: defaults, the stack's file, overrides.

The rules are those of Pulumi's command line (sdk/go/common/workspace/config.go). A key that the
stack does not set has its default from `Pulumi.yaml`; a declared key without one is missing. A
value must be of its declared type. In addition, a key in the project's namespace must be declared,
so that a misspelt setting is an error.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

PROJECT_FILE: Final = "Pulumi.yaml"


class ConfigurationError(Exception):
    """The configuration is wrong; the message lists every problem."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What `Pulumi.yaml` declares about one key."""

    type: str | None  # None: any type
    default: str | None
    secret: bool = False


@dataclass(frozen=True, kw_only=True)
class Project:
    """A Pulumi project: its name and its declared keys, each with its namespace."""

    name: str
    declarations: Mapping[str, Declaration]

    def qualify(self, key: str) -> str:
        """Return a key with its namespace, which is the project's if it has none."""
        return key if ":" in key else f"{self.name}:{key}"


def read_project(folder: Path) -> Project:
    """Read `Pulumi.yaml`; raise ConfigurationError if it is missing or has no name."""
    document = _read_yaml(folder / PROJECT_FILE)
    name = document.get("name")
    if not isinstance(name, str):
        msg = f"{folder / PROJECT_FILE}: name is {name!r}, allowed: text"
        raise ConfigurationError(msg)
    config: dict[str, Any] = document.get("config") or {}
    keyed = {key if ":" in key else f"{name}:{key}": value for key, value in config.items()}
    return Project(
        name=name,
        declarations={key: _declaration(value) for key, value in keyed.items()},
    )


def read_stack(folder: Path, stack: str) -> dict[str, str]:
    """Return what `Pulumi.<stack>.yaml` sets: keys with their namespace, values as text.

    Returns nothing if the stack has no file. Raises ConfigurationError for encrypted values.
    """
    path = folder / f"Pulumi.{stack}.yaml"
    if not path.exists():
        return {}
    config: dict[str, Any] = _read_yaml(path).get("config") or {}
    encrypted = sorted(key for key, value in config.items() if _is_encrypted(value))
    if encrypted:
        msg = f"{path}: encrypted, give a value of your own for: {', '.join(encrypted)}"
        raise ConfigurationError(msg)
    return {key: _text(value) for key, value in config.items()}


def stacks(folder: Path) -> list[str]:
    """Return the names of the stacks that have a file `Pulumi.<stack>.yaml`, sorted."""
    return sorted(path.name.split(".")[1] for path in folder.glob("Pulumi.*.yaml"))


def resolve(
    project: Project, stack: str, given: Mapping[str, str], overrides: Mapping[str, str]
) -> dict[str, str]:
    """Return what the program reads: the overrides, then the stack's values, then defaults.

    Raises ConfigurationError that lists every unknown key, missing key and value of a wrong type.
    """
    chosen = {project.qualify(key): value for key, value in (*given.items(), *overrides.items())}
    defaults = {
        key: declared.default
        for key, declared in project.declarations.items()
        if declared.default is not None
    }
    values = {**defaults, **chosen}
    problems = [*_unknown(project, values), *_missing(project, values), *_mistyped(project, values)]
    if problems:
        msg = f"stack {stack!r}: " + "; ".join(problems)
        raise ConfigurationError(msg)
    return values


def _unknown(project: Project, values: Iterable[str]) -> list[str]:
    own = f"{project.name}:"
    known = sorted(key.removeprefix(own) for key in project.declarations if key.startswith(own))
    return [
        f"{key} is not a setting, allowed: {', '.join(known) or 'none'}"
        for key in sorted(values)
        if key.startswith(own) and key not in project.declarations
    ]


def _missing(project: Project, values: Mapping[str, str]) -> list[str]:
    own = f"{project.name}:"
    return [
        f"{key} has neither a value nor a default"
        for key in sorted(project.declarations)
        if key.startswith(own) and key not in values
    ]


def _mistyped(project: Project, values: Mapping[str, str]) -> list[str]:
    problems: list[str] = []
    for key in sorted(values):
        declared = project.declarations.get(key)
        if declared is None or declared.type is None:
            continue
        if not _CHECKS[declared.type](values[key]):
            problems.append(f"{key} is {values[key]!r}, allowed: {declared.type}")
    return problems


def _declaration(value: Any) -> Declaration:
    """Read a declaration, or its short form, which is only a default."""
    if not isinstance(value, dict):
        return Declaration(type=None, default=_text(value))
    fields = cast("dict[str, Any]", value)
    kind = fields.get("type")
    if kind is not None and kind not in _CHECKS:
        msg = f"{PROJECT_FILE}: type is {kind!r}, allowed: {', '.join(_CHECKS)}"
        raise ConfigurationError(msg)
    default = fields.get("default", fields.get("value"))
    return Declaration(
        type=kind,
        default=None if default is None else _text(default),
        secret=bool(fields.get("secret", False)),
    )


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, dict) and "secure" in value


def _text(value: Any) -> str:
    """Return a YAML value as Pulumi passes it to a program: as text; lists and maps as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"{path} is missing"
        raise ConfigurationError(msg) from error
    except yaml.YAMLError as error:
        msg = f"{path} is not YAML: {error}"
        raise ConfigurationError(msg) from error
    return document or {}


def _parses_as(*types: type) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            parsed = json.loads(value)
        except ValueError:
            return False
        return type(parsed) in types

    return check


_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "string": lambda _: True,
    "integer": _parses_as(int),
    "number": _parses_as(int, float),
    "boolean": _parses_as(bool),
    "array": _parses_as(list),
    "object": _parses_as(dict),
}
