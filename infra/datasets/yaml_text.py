"""Read YAML 1.2 from a text. Pure."""

from typing import Any, Final, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

_VERSION: Final = (1, 2)
# A schema may have 16 levels, each of two: `properties`, and a name below it.
_MOST_LEVELS: Final = 64


_CLEARER: Final = {"but found another document": "another document, allowed: one"}


class YamlError(Exception):
    """A text is not YAML, or uses what declarations do not need; the message has the line."""


def parse(text: str) -> Any:
    """Return the value of a YAML document. Raises YamlError.

    Aliases are refused: a few lines of them can stand for gigabytes, or for themselves.
    """
    try:
        _check_events(text)
        return _reader().load(text)
    except MarkedYAMLError as error:
        raise YamlError(_explain(error)) from error
    except (YAMLError, ValueError) as error:
        raise YamlError(str(error).partition("\n")[0]) from error
    except TypeError as error:  # the reader's, of a list within a list that is a key
        msg = "a key is a list or an object, allowed: a text"
        raise YamlError(msg) from error
    except AssertionError as error:  # the reader's, of a version that it does not know
        msg = "another version of YAML, allowed: 1.2"
        raise YamlError(msg) from error


def _reader() -> Any:
    reader: Any = YAML(typ="safe", pure=True)
    reader.allow_duplicate_keys = False
    reader.version = _VERSION
    return reader


def _check_events(text: str) -> None:
    """Refuse aliases, tags, other versions and deep nesting, before the reader follows them."""
    levels = 0
    for event in _reader().parse(text):
        levels += isinstance(event, MappingStartEvent | SequenceStartEvent)
        levels -= isinstance(event, MappingEndEvent | SequenceEndEvent)
        if reason := _refusal(event, levels):
            msg = f"{_place(event.start_mark)}{reason}"
            raise YamlError(msg)


def _refusal(event: Any, levels: int) -> str:
    kind = cast("type[object]", type(event))
    if levels > _MOST_LEVELS:
        return f"nested too deep, allowed: {_MOST_LEVELS} levels"
    if kind is AliasEvent:
        return f"alias *{event.anchor}, allowed: the value itself"
    if getattr(event, "tag", None):
        return f"tag {event.tag}, allowed: values without one"
    if kind is DocumentStartEvent and event.version not in {None, _VERSION}:
        return "another version of YAML, allowed: 1.2"
    return ""


def _explain(error: Any) -> str:
    where = "" if error.problem_mark is None else _place(error.problem_mark)
    problem = error.problem or error.context
    return f"{where}{_CLEARER.get(problem, problem)}{_hint(problem)}"


def _hint(problem: str) -> str:
    return ": check the indentation" if problem.startswith("expected <block end>") else ""


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: "
