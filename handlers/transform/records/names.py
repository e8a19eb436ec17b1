"""Field names: lower_snake_case, and distinct. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, cast

_SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def normalize_name(name: str) -> str:
    """Return a field name in lower_snake_case; letters, marks and digits of any script stay.

    `userName` → `user_name`, `HTTPServer` → `http_server`, ` Preis (€)` → `preis`, `--` → `field`.
    A mark, a vowel sign or an accent say, belongs to the letter before it.
    """
    if _SNAKE_CASE.fullmatch(name):
        return name
    text = _split_words(unicodedata.normalize("NFKC", name)).lower()
    return "_".join(_words(unicodedata.normalize("NFKC", text))) or "field"


def _split_words(text: str) -> str:
    """Put a `_` before each capital letter that begins a word; marks are looked through."""
    letters = [char for char in text if not _is_mark(char)]
    beside = iter(zip(["", *letters], [*letters[1:], ""], strict=False))
    return "".join(
        f"_{char}" if not _is_mark(char) and _begins_word(char, *next(beside)) else char
        for char in text
    )


def _begins_word(char: str, before: str, after: str) -> bool:
    return char.isupper() and (
        before.islower() or before.isdigit() or (before.isupper() and after.islower())
    )


def _words(text: str) -> list[str]:
    kept: list[str] = []
    in_word = False
    for char in text:
        in_word = char.isalnum() or (in_word and _is_mark(char))
        kept.append(char if in_word else " ")
    return "".join(kept).split()


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def distinct_names(raw: Sequence[str], normalized: Sequence[str]) -> tuple[list[str], int]:
    """Return normalised names made distinct, in order, and how many had to be renamed.

    Of names that meet, the one that is spelled so keeps it, else the first. The others follow in
    their order, each as the first of `name_2`, `name_3`, … that no other name has.
    """
    keepers: dict[str, int] = {}
    for at, name in enumerate(normalized):
        if name not in keepers or (raw[at] == name != raw[keepers[name]]):
            keepers[name] = at
    suffixes = dict.fromkeys(keepers, 1)
    distinct: list[str] = []
    for at, name in enumerate(normalized):
        free = name
        while free in suffixes and keepers.get(free) != at:
            suffixes[name] += 1
            free = f"{name}_{suffixes[name]}"
        suffixes.setdefault(free, 1)
        distinct.append(free)
    return distinct, len(normalized) - len(keepers)


class Names:
    """Raw names → normalised names, each worked out once."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.meeting = False  # whether two of the known names meet
        self._normalized: set[str] = set()

    def learn(self, value: Any, levels: int) -> None:
        """Make known the names of all objects in a parsed JSON value, so many levels down."""
        if not levels or not isinstance(value, dict | list):
            return
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            self.of(fields)
            members = fields.values()
        else:
            members = cast("list[Any]", value)
        for member in members:
            self.learn(member, levels - 1)

    def of(self, fields: Iterable[str]) -> list[str]:
        """Return the normalised names of an object's fields; two of them may be the same."""
        known = self.known
        return [known[name] if name in known else self._add(name) for name in fields]

    def _add(self, name: str) -> str:
        normalized = self.known[name] = normalize_name(name)
        self.meeting = self.meeting or normalized in self._normalized
        self._normalized.add(normalized)
        return normalized
