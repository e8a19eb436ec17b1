"""The results of reading a file: batches of output lines, rejects and positions. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

import orjson

from handlers.transform.records.encoder import Encoded
from handlers.transform.records.json_text import BadRecordError

# Blocks of this size stay in the processor's cache and keep memory flat (see bench/).
BLOCK_BYTES: Final = 64 * 1024
# The part of a rejected record's text that is kept: enough to see what is wrong with it.
RAW_BYTES: Final = 64 * 1024
_WITHHELD: Final = b"withheld: the dataset drops fields"

# Returns the raw bytes of a file from a byte offset on, in blocks of any size.
Source = Callable[[int], Iterable[bytes]]


class BadFileError(Exception):
    """The file as a whole can never be processed; the message is the reason."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.place = place


class Position(NamedTuple):
    """A place between two records, from which reading can continue."""

    offset: int  # in bytes of the decoded text
    number: int  # of the next record, from 1
    lines_end: int = 0  # up to this byte of delimited text each line is a row, whatever its quotes


START: Final = Position(0, 1)


class Reject(NamedTuple):
    """A record that was rejected."""

    unit: str  # "line" or "row": what `number` counts, from 1
    number: int
    reason: str
    raw: bytes  # the first RAW_BYTES of its text
    raw_bytes: int  # length of the whole text
    field: str = ""  # that breaks a rule of the record's dataset, as a path
    rule: str = ""

    @property
    def place(self) -> str:
        """Return its place in the file, such as `line 17`."""
        return f"{self.unit} {self.number}"

    def line(self) -> bytes:
        """Return its line in the file in `rejected/`."""
        report: dict[str, str | int] = {self.unit: self.number}
        if self.rule:
            report |= {"field": self.field, "rule": self.rule}
        report |= {"reason": self.reason, "raw": self.raw.decode(errors="backslashreplace")}
        if self.raw_bytes != len(self.raw):
            report["raw_bytes"] = self.raw_bytes
        return orjson.dumps(report) + b"\n"

    def withheld(self) -> "Reject":
        """Return the reject without its text, unless that is what its dataset leaves of it."""
        return self if self.rule else self._replace(raw=_WITHHELD)


@dataclass(slots=True)
class Batch:
    """The results of some records of a file: `written + empty + len(rejects)` of them."""

    lines: list[bytes] = field(default_factory=list[bytes])
    written: int = 0
    empty: int = 0
    rejects: list[Reject] = field(default_factory=list[Reject])
    after: Position = START

    def add(self, encoded: Encoded) -> None:
        """Add the lines of some records."""
        self.lines.append(encoded.lines)
        self.written += encoded.written
        self.empty += encoded.empty

    def reject(
        self, unit: str, number: int, reason: str, raw: bytes, raw_bytes: int | None = None
    ) -> None:
        """Add a reject with the start of its text. `raw_bytes` is its length if `raw` is cut."""
        length = len(raw) if raw_bytes is None else raw_bytes
        self.rejects.append(Reject(unit, number, reason, raw[:RAW_BYTES], length))

    def reject_for(self, error: BadRecordError, unit: str, number: int, raw: bytes) -> None:
        """Add a reject for what is wrong with a record, with what may be shown of its text."""
        text = raw if error.left is None else error.left
        reason, start = str(error), text[:RAW_BYTES]
        self.rejects.append(Reject(unit, number, reason, start, len(text), error.field, error.rule))

    def withhold(self) -> Self:
        """Take out the texts of rejects that may hold fields which the dataset drops."""
        self.rejects = [reject.withheld() for reject in self.rejects]
        return self
