"""Makes field names lower_snake_case and distinct. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

_SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_REMEMBERED_SHAPES_BYTES: Final = 8_000_000  # about 4,000 shapes of twenty names
_NAME_BYTES: Final = 100  # memory that a name takes in a shape, besides its characters


def normalize_name(name: str) -> str:
    """Return a field name in lower_snake_case; keep letters, marks and digits of any script.

    `userName` → `user_name`, `HTTPServer` → `http_server`, ` Preis (€)` → `preis`, `--` → `field`.
    A combining mark, such as a vowel sign or an accent, belongs to the letter before it.
    """
    if _SNAKE_CASE.fullmatch(name):
        return name
    text = _split_words(unicodedata.normalize("NFKC", name)).lower()
    return "_".join(_words(unicodedata.normalize("NFKC", text))) or "field"


def _split_words(text: str) -> str:
    """Put a `_` before each capital letter that begins a word; ignore combining marks."""
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
    """Return normalised names made distinct, in order, and how many were renamed.

    If names collide, the one that was spelled this way keeps the name, else the first does. The
    others, in order, take the first of `name_2`, `name_3`, … that is free.
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
    """A cache of normalised names, by raw name."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.colliding: set[str] = set()  # raw names that share their normalised name
        self.characters = 0  # of the raw names
        self._spellings: dict[str, str] = {}  # normalised name → its first raw name

    def learn(self, value: Any, levels: int) -> None:
        """Add the names of all objects in a parsed JSON value, down to `levels` levels."""
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
        """Return the normalised names of an object's fields; some may be equal."""
        known = self.known
        return [known[name] if name in known else self._add(name) for name in fields]

    def _add(self, name: str) -> str:
        normalized = self.known[name] = normalize_name(name)
        self.characters += len(name)
        first = self._spellings.setdefault(normalized, name)
        if first != name:
            self.colliding.update((first, name))
        return normalized


class Shapes(dict[tuple[str, ...], tuple[dict[str, str], int]]):
    """A cache, by an object's raw names: the name of each, and how many were renamed.

    It is emptied when it takes too much memory. An unknown name raises KeyError: if it were added
    during a pass over records, it could collide with a name of an object that is half done.
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
