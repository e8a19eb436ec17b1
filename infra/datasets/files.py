"""Read the files that declare datasets; an error lists every problem of every file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import orjson

from handlers.transform.datasets.schemas import MAX_INTEGER, MIN_INTEGER
from infra.datasets import yaml_text
from infra.datasets.checks import clashes, declarations, names
from infra.datasets.checks.problems import Problem, as_object
from infra.datasets.checks.schemas import declared_type

# The folder of a stack that names no other.
DEFAULT_FOLDER: Final = "datasets"
SUFFIXES: Final = (".yaml", ".yml")
# A schema of a thousand fields has a tenth of it.
_MOST_BYTES: Final = 1_000_000

# What a file declares, as JSON holds it, by the name of its dataset.
Declarations: TypeAlias = Mapping[str, Mapping[str, Any]]


class DeclarationError(Exception):
    """Declarations are wrong; the message lists every problem.

    Attributes:
        problems: a line for each: the file, the place in it, the value, and what is allowed.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        listed = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"the datasets have {len(self.problems)} problem(s):{listed}")


def load(path: Path | str, root: Path = Path()) -> dict[str, dict[str, Any]]:
    """Return the declarations of a folder, or of one file, by the names of their datasets.

    They are checked, so that `Dataset.read` and the tables can rely on them, and whole numbers have
    the bounds of 64 bits that they have in the tables. A relative path begins at `root`. Raises
    DeclarationError with every problem, also for a path that is not there.
    """
    files, problems = _files(Path(path), root)
    contents: dict[str, Any] = {}
    for name, file in files.items():
        try:
            contents[name] = _read(root / file)
        except (OSError, yaml_text.YamlError) as error:
            problems.append(f"{file.as_posix()}: {_reason(error)}")
        else:
            problems += _listed(file, declarations.problems(contents[name]))
    readable = {name: it for name, content in contents.items() if (it := as_object(content))}
    for name, problem in clashes.problems(readable):
        problems += _listed(files[name], [problem])
    if problems:
        raise DeclarationError(problems)
    return {name: _bounded_declaration(content) for name, content in readable.items()}


def encode(declarations: Declarations) -> bytes:
    """Return declarations as JSON: the same for equal ones, whatever the order of their keys."""
    return orjson.dumps(declarations, option=orjson.OPT_SORT_KEYS)


def _files(path: Path, root: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the files of a path by the names of their datasets, and what is wrong with those."""
    if not (root / path).is_dir():
        return {path.stem: path}, _listed(path, names.dataset_problems(path.stem))
    files: dict[str, Path] = {}
    problems: list[str] = []
    for child in sorted((root / path).iterdir()):
        file = path / child.name
        if child.name.startswith(".") or child.suffix.lower() not in SUFFIXES:
            problems += _folder_problems(child, file)
        elif (other := files.setdefault(child.stem, file)) != file:
            problems.append(f"{file.as_posix()}: {other.name} is of the same name, allowed: one")
        else:
            problems += _listed(file, names.dataset_problems(child.stem))
    return files, problems


def _folder_problems(child: Path, file: Path) -> list[str]:
    """Return a problem of a folder that holds declarations, which nobody would read there."""
    if child.name.startswith(".") or not child.is_dir():
        return []
    within = sorted(it.name for it in child.iterdir() if it.suffix.lower() in SUFFIXES)
    return [
        f"{(file / name).as_posix()}: is in a folder of its own, allowed: {file.parent.as_posix()}/"
        for name in within
    ]


def _read(file: Path) -> Any:
    """Return what a file holds. Raises OSError and YamlError."""
    size = file.stat().st_size
    if size > _MOST_BYTES:
        msg = f"has {size} bytes, allowed: {_MOST_BYTES}"
        raise yaml_text.YamlError(msg)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"is not UTF-8 at byte {error.start}, allowed: UTF-8"
        raise yaml_text.YamlError(msg) from error
    return yaml_text.parse(text)


def _reason(error: Exception) -> str:
    return str((isinstance(error, OSError) and error.strerror) or error)


def _listed(file: Path, problems: Iterable[Problem]) -> list[str]:
    return [f"{file.as_posix()}: {problem}" for problem in problems]


def _bounded_declaration(declaration: Mapping[str, Any]) -> dict[str, Any]:
    return {**declaration, "schema": _bounded(declaration["schema"])}


def _bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema whose whole numbers have the bounds of a table's bigint."""
    bounded = dict(schema)
    if declared_type(schema) == "integer":
        bounded["minimum"] = max(schema.get("minimum", MIN_INTEGER), MIN_INTEGER)
        bounded["maximum"] = min(schema.get("maximum", MAX_INTEGER), MAX_INTEGER)
    fields = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    if fields:
        bounded["properties"] = {name: _bounded(field) for name, field in fields.items()}
    if "items" in schema:
        bounded["items"] = _bounded(schema["items"])
    return bounded
