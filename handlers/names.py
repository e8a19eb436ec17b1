"""Field names: lower_snake_case, and distinct. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, cast

_SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_NOT_A_WORD = re.compile(r"[\W_]+")


def normalize_name(name: str) -> str:
    """Return a field name in lower_snake_case; letters and digits of any script stay.

    `userName` → `user_name`, `HTTPServer` → `http_server`, ` Preis (€)` → `preis`, `--` → `field`.
    """
    if _SNAKE_CASE.fullmatch(name):
        return name
    text = unicodedata.normalize("NFKC", name)
    split = "".join(f"_{char}" if _starts_word(text, at) else char for at, char in enumerate(text))
    lower = unicodedata.normalize("NFKC", split.lower())
    return _NOT_A_WORD.sub("_", lower).strip("_") or "field"


def _starts_word(text: str, at: int) -> bool:
    if at == 0 or not text[at].isupper():
        return False
    before, after = text[at - 1], text[at + 1 : at + 2]
    return before.islower() or before.isdigit() or (before.isupper() and after.islower())


def distinct_names(names: Iterable[str]) -> tuple[list[str], int]:
    """Return normalised names made distinct, in order, and how many had to be renamed.

    Of names that meet the first stays; the next is the first free of `name_2`, `name_3`, ….
    """
    taken: dict[str, int] = {}
    renamed = 0
    for name in names:
        free, suffix = name, taken.get(name, 1)
        while free in taken:
            suffix += 1
            free = f"{name}_{suffix}"
        if free != name:
            taken[name] = suffix
            renamed += 1
        taken.setdefault(free, 1)
    return list(taken), renamed


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
