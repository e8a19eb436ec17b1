"""How a day's small outputs are split into bundles: decided once, by the day's first bundling run.

Two runs with other settings, or datasets, never put one output into bundles of two kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

import orjson

from handlers import keys
from handlers.aws.failures import (
    AccessDeniedError,
    GoneError,
    PermanentError,
    TakenError,
    TransientError,
)
from handlers.aws.object_info import Location
from handlers.aws.objects import Storage

_DAY_CHARACTERS: Final = len(keys.day_prefix(keys.PROCESSED, date.max))


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where outputs of a day are bundled: in a folder, under every `shards`-th number."""

    folder: str
    shard: int
    shards: int

    def has(self, number: int) -> bool:
        """Return whether a bundle of the folder with this number is one of the shard."""
        return (number - 1) % self.shards == self.shard

    def next_number(self, last: int) -> int:
        """Return the number behind the last one of the shard, which is 0 if there is none."""
        return last + self.shards if last else self.shard + 1


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A day's layout: each output is in one shard, and in one folder, that of its dataset or none.

    `folders` are prefixes behind the day, `shop/orders/` say, none within another.
    """

    shards: int
    folders: Sequence[str]

    def folder(self, key: str) -> str:
        """Return the folder that an output is bundled in, by its key in `processed/`."""
        path = key[_DAY_CHARACTERS:]
        return next((folder for folder in self.folders if path.startswith(folder)), "")

    def to_json(self) -> bytes:
        """Return the layout as it is stored."""
        return orjson.dumps({"shards": self.shards, "folders": list(self.folders)})

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return the layout that `to_json` wrote; raises ValueError for anything else."""
        given: Any = orjson.loads(text)
        try:
            layout = cls(shards=given["shards"], folders=tuple(given["folders"]))
            is_whole = layout.shards >= 1 and layout.to_json() == text
        except (LookupError, TypeError) as error:
            raise ValueError(str(error)) from error
        if not is_whole:
            msg = "it is not whole"
            raise ValueError(msg)
        return layout


class Layouts:
    """The layouts of the days, as they are stored in the archive bucket."""

    def __init__(self, storage: Storage, bucket: str, proposed: Layout) -> None:
        """`proposed` is the layout of a day that has none."""
        self._storage = storage
        self._bucket = bucket
        self._proposed = proposed

    def of(self, day: date) -> Layout:
        """Return the layout of a day, which is decided by this call if none was before.

        Raises PermanentError where what is stored cannot be read, and TransientError.
        """
        where = Location(bucket=self._bucket, key=keys.bundle_layout_key(day))
        try:
            self._storage.put_new(
                where, self._proposed.to_json(), metadata={}, content_type="application/json"
            )
        except AccessDeniedError:
            raise
        except (TakenError, TransientError) as error:
            # Of puts at the same moment, as chains make them, S3 may refuse one as a conflict.
            try:
                return Layout.from_json(self._storage.read(where))
            except GoneError:
                msg = f"{where} is not stored: {error}"
                raise TransientError(msg) from error
            except ValueError as bad:
                msg = f"{where} cannot be read: {bad}. Which outputs are in which bundles of the "
                msg += "day depends on it: bring back its first version"
                raise PermanentError(msg) from bad
        return self._proposed
