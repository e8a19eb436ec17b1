"""Finds the end of one value in a JSON text, even if the value is invalid. Pure.

Brackets are counted, whatever their kind. A word, such as a number, ends at the first byte that
cannot be part of one. The patterns are possessive, so that a match keeps no state to backtrack.
"""

import re
from itertools import accumulate
from typing import Final

from handlers.transform.records.json_text import without_strings

_REST_OF_STRING: Final = rb'[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRING_END = re.compile(_REST_OF_STRING, re.DOTALL)
_ENDS_ESCAPED = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+\\\Z', re.DOTALL)
_UP_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"' + _REST_OF_STRING + rb")*+", re.DOTALL)
_UP_TO_OPEN_STRING = re.compile(rb'(?:[^"]++|"' + _REST_OF_STRING + rb")*+", re.DOTALL)
_WORD_END = re.compile(rb'["\[\]{},: \t\r\n]')
_QUOTE: Final = b'"'[0]
_OPENING: Final = b"{["
_CLOSING: Final = b"}]"
_ONE_KIND: Final = bytes.maketrans(_OPENING + _CLOSING, b"[[]]")
_NOT_BRACKETS: Final = bytes(c for c in range(256) if c not in _OPENING + _CLOSING)
_LEVELS: Final = {b"["[0]: 1, b"]"[0]: -1}
_STRIDE: Final = 64 * 1024
_COLLAPSES: Final = 4  # rounds of removing `[]`, cheap where brackets are dense


def value_end(text: bytes, begin: int) -> int | None:
    """Return the end of the value that begins at `begin`; None if it continues after the text.

    Returns `begin` if no value begins there.
    """
    if text[begin] in _OPENING:
        return _find_level_zero(text, begin + 1, 1)
    finder = ValueEnd(text[begin])
    return finder.find(text, begin + (not finder.is_word))


def long_value_end(text: bytes) -> int | None:
    """Return the end of the value at the start of a text; None if it continues after the text.

    Faster than `value_end` for a long value.
    """
    finder = ValueEnd(text[0])
    for at in range(int(not finder.is_word), len(text), _STRIDE):
        end = finder.find(text[at : at + _STRIDE])
        if end is not None:
            return at + end
    return None


class ValueEnd:
    """Finds the end of a value block by block, without keeping the blocks."""

    def __init__(self, first: int) -> None:
        """`first` is the first byte of the value."""
        self._level = int(first in _OPENING)
        self._in_string = first == _QUOTE
        self._escaped = False  # the last block ended after a backslash
        self.is_word = not self._level and not self._in_string

    def find(self, text: bytes, begin: int = 0) -> int | None:
        """Return where the value ends in the next block; None if it continues after the block.

        The first block follows the first byte of the value; if that is a word, it includes it.
        """
        if self.is_word:
            match = _WORD_END.search(text, begin)
            return match.start() if match else None
        if self._in_string:
            begin = self._leave_string(text, begin)
        if self._in_string or not self._level:
            return None if self._in_string else begin
        return self._pass_brackets(text, begin)

    def _leave_string(self, text: bytes, at: int) -> int:
        if self._escaped and at < len(text):
            self._escaped, at = False, at + 1
        if text.find(b'"', at) < 0 and text.find(b"\\", at) < 0:
            return len(text)
        match = _STRING_END.match(text, at)
        if match:
            self._in_string = False
            return match.end()
        self._escaped = _ENDS_ESCAPED.match(text, at) is not None
        return len(text)

    def _pass_brackets(self, text: bytes, begin: int) -> int | None:
        closed = _UP_TO_OPEN_STRING.match(text, begin)
        end = closed.end() if closed else begin
        lowest, change = _levels(text[begin:end])
        if self._level + lowest <= 0:
            return _find_level_zero(text, begin, self._level)
        self._level += change
        if end < len(text):
            self._in_string = True
            self._leave_string(text, end + 1)
        return None


def _levels(text: bytes) -> tuple[int, int]:
    """Return the lowest and the last level of a text's brackets, relative to its start."""
    if not text.translate(None, _NOT_BRACKETS):
        return 0, 0
    brackets = without_strings(text).translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(_COLLAPSES):
        brackets = brackets.replace(b"[]", b"")
    lowest = min(accumulate(map(_LEVELS.__getitem__, brackets)), default=0)
    return lowest, brackets.count(b"[") - brackets.count(b"]")


def _find_level_zero(text: bytes, at: int, level: int) -> int | None:
    while (match := _UP_TO_BRACKET.match(text, at)) and (at := match.end()) < len(text):
        if text[at] == _QUOTE:
            return None  # a string that does not end here
        level += 1 if text[at] in _OPENING else -1
        at += 1
        if level == 0:
            return at
    return None
