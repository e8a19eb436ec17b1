"""Find the patterns that can take exponential time. Pure.

Python's `re` goes back to try again. Where a group is repeated, and a repeat is within it, a text
of n characters can be cut into their turns in some 2 ** n ways, and each is tried before the text
is refused. Alternatives that overlap do the same, and are not found.
"""

# The tree that re.compile itself makes of a pattern has no public name and no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportUnknownParameterType=false

import re
from collections.abc import Collection, Iterator
from re import _compiler, _constants, _parser
from typing import Any, Final, TypeAlias

_Node: TypeAlias = tuple[Any, Any]  # what it is, and its argument

_REPEATS: Final = {_constants.MAX_REPEAT, _constants.MIN_REPEAT}
# What is matched within these is not tried again once they have matched.
_FINAL: Final = {
    _constants.POSSESSIVE_REPEAT, _constants.ATOMIC_GROUP, _constants.ASSERT, _constants.ASSERT_NOT,
}  # fmt: skip
_CHARACTERS: Final = {
    _constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN,
}  # fmt: skip
_REFERENCES: Final = {_constants.GROUPREF, _constants.GROUPREF_EXISTS}


def takes_long(pattern: str) -> bool:
    """Return whether a pattern, which Python can compile, repeats without end what has a repeat.

    A group whose turns cannot be told apart in two ways is no danger: it begins or ends with a
    character that nothing else in it matches, as in `(-[a-z]+)*`.
    """
    return any(
        kind in _REPEATS
        and argument[1] is _constants.MAXREPEAT
        and any(map(_varies, _nodes(argument[2], leave_out=_FINAL)))
        and not _is_delimited(argument[2])
        for kind, argument in _nodes(_parser.parse(pattern, re.ASCII))
    )


def _nodes(tree: Any, leave_out: Collection[Any] = frozenset()) -> Iterator[_Node]:
    """Yield each part of a tree, at every level; what is within some kinds is left out."""
    for kind, argument in tree:
        yield kind, argument
        if kind not in leave_out:
            for part in _parts(argument):
                yield from _nodes(part, leave_out)


def _parts(argument: Any) -> Iterator[Any]:
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for member in argument:
            yield from _parts(member)


def _varies(node: _Node) -> bool:
    """Return whether a part is a repeat that may take more or fewer, `?` left aside."""
    kind, argument = node
    return kind in _REPEATS and argument[1] != argument[0] and argument[1] > 1


def _is_delimited(body: Any) -> bool:
    while len(body) == 1 and body[0][0] is _constants.SUBPATTERN:
        body = body[0][1][-1]
    edges = ((body[0], body[1:]), (body[-1], body[: len(body) - 1]))
    return any(_is_only_at(edge, others) for edge, others in edges)


def _is_only_at(edge: _Node, others: Any) -> bool:
    """Return whether an edge is one of some characters that nothing else can match."""
    kind, argument = edge
    members = argument if kind is _constants.IN else [edge]
    if any(member[0] is not _constants.LITERAL for member in members):
        return False
    characters = {chr(code) for _, code in members}
    cases = {case for it in characters for case in (it, it.lower(), it.upper())}
    return not any(
        kind in _REFERENCES or (kind in _CHARACTERS and _matches(others, (kind, argument), cases))
        for kind, argument in _nodes(others)
    )


def _matches(tree: Any, node: _Node, characters: set[str]) -> bool:
    pattern = _compiler.compile(_parser.SubPattern(tree.state, [node]))
    return any(pattern.fullmatch(it) for it in characters)
