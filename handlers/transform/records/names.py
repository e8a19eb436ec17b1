"""Field names: lower_snake_case, and distinct. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

_SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_REMEMBERED_SHAPES_BYTES: Final = 8_000_000  # some 4,000 shapes of twenty names
_NAME_BYTES: Final = 100  # what a name takes in a shape, besides its characters


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
    if len(set(normalized)) == len(normalized):
        return list(normalized), 0
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
        self.meeting: set[str] = set()  # raw names that become what another known one becomes
        self.characters = 0  # of the raw names
        self._spellings: dict[str, str] = {}  # normalised names → the first raw name of each

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
        self.characters += len(name)
        first = self._spellings.setdefault(normalized, name)
        if first != name:
            self.meeting.update((first, name))
        return normalized


class Shapes(dict[tuple[str, ...], tuple[dict[str, str], int]]):
    """All raw names of an object → the name of each, and how many of them had to be renamed.

    Each shape is worked out once. All are forgotten when they take too much memory together.
    A name that is not known is a KeyError: made known amidst a pass over records, it could meet one
    of an object that is half done.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__()
        self._known = known
        self._held_bytes = 0

    def __missing__(self, raw: tuple[str, ...]) -> tuple[dict[str, str], int]:
        names, renamed = distinct_names(raw, [self._known[name] for name in raw])
        shape = dict(zip(raw, names, strict=True)), renamed
        self._held_bytes += sum(map(len, raw)) + _NAME_BYTES * len(raw)
        if self._held_bytes > _REMEMBERED_SHAPES_BYTES:
            self.clear()
            self._held_bytes = 0
        else:
            self[raw] = shape
        return shape
