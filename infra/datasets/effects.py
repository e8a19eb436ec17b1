"""What a change of a declaration does to records and to queries. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from infra.datasets.checks.problems import place_of, shown

Path: TypeAlias = tuple[str | int, ...]


class Kind(StrEnum):
    """What a change does; where it does several things, the first of these."""

    BREAKS_QUERIES = "breaks queries"
    STRICTER = "stricter"  # records may be rejected that were not
    REVEALING = "revealing"  # what was dropped is written
    LOOSER = "looser"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A change at a place in a declaration, and what it does."""

    path: Path
    kind: Kind
    text: str

    def __str__(self) -> str:
        """Return `schema.properties.total.minimum: 0, now 10 (stricter)`."""
        place = place_of(self.path)
        return f"{place}: {self.text} ({self.kind})" if place else f"{self.text} ({self.kind})"


def effect(path: Path, kind: Kind, old: Any, new: Any) -> Effect:
    """Return the effect of a value that is another now; None is the absence of one."""
    before, now = ("not set" if value is None else shown(value) for value in (old, new))
    return Effect(path=path, kind=kind, text=f"{before}, now {now}")
