"""Reads sample files, as the processor would, and tells what their records hold."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from handlers import keys
from handlers.transform.datasets.cells import typed
from handlers.transform.datasets.dataset import CsvOptions
from handlers.transform.files import is_utf8, transform
from handlers.transform.formats.batch import BadFileError, Reject
from handlers.transform.records.encoder import RecordEncoder
from ops.datasets import headers
from ops.datasets.observations import Seen
from ops.terminal.problems import OperatorError, UsageError

_READ_BYTES: Final = 256 * 1024
LINE_END: Final = b"}\n"  # instead of `_metadata`
_SHOWN_NAMES: Final = 3
_SHOWN_CHARACTERS: Final = 40
_LONG_DIGITS: Final = 19  # characters; the largest integer of 64 bits has as many
_MOST_DIGITS: Final = 20  # characters of a 64-bit integer
_BOOLEAN_STARTS: Final = frozenset("tTfF")
_NUMBER_STARTS: Final = frozenset("-0123456789")
_NO_TYPES: Final = frozenset[str]()
_BOOLEAN: Final = frozenset({"boolean"})
_NUMBER: Final = frozenset({"number"})
_INTEGER: Final = frozenset({"integer", "number"})


@dataclass(kw_only=True)
class Samples:
    """What the records of sample files hold.

    Attributes:
        seen: what was seen of the records.
        rejected: how many records are bad whatever a dataset declares.
        first_reject: the first of those, with its file; None without one.
        notes: what the options should say of the files perhaps, a sentence each.
    """

    seen: Seen = field(default_factory=Seen)
    rejected: int = 0
    first_reject: tuple[str, Reject] | None = None
    notes: list[str] = field(default_factory=list[str])


def read(files: Iterable[Path], csv: CsvOptions, *, report: Callable[[int], object]) -> Samples:
    """Return what the records of files hold; the files are read as streams.

    `csv` says what their content cannot say, of files that are delimited. `report` is called with
    each number of bytes that were read.

    Raises UsageError for a name without a known suffix, OperatorError for a file that the processor
    would not take.
    """
    samples = Samples()
    for file in files:
        suffix = data_suffix(file)
        is_delimited = keys.is_delimited(suffix)
        encoder = RecordEncoder(LINE_END)
        encoder.csv = csv
        before = samples.rejected
        with _taken(file, csv):
            if is_delimited and not csv.header:
                samples.notes += _header_notes(file, csv)
            for batch in transform(source(file, report), suffix, encoder):
                _add(samples, batch.lines, is_delimited=is_delimited)
                samples.rejected += len(batch.rejects)
                if batch.rejects and not samples.first_reject:
                    samples.first_reject = (str(file), batch.rejects[0])
        if samples.rejected != before:
            samples.notes += _encoding_notes(file, csv)
    return samples


def generated_header(files: Iterable[Path], csv: CsvOptions) -> tuple[str, ...]:
    """Return names for the columns of files without a header, as many as the first row has cells.

    Raises UsageError if none of the files is delimited, or has a row, OperatorError for a file that
    the processor would not take.
    """
    for file in files:
        if keys.is_delimited(data_suffix(file)):
            with _taken(file, csv):
                if row := headers.first_row(source(file, _untold), data_suffix(file), csv):
                    return headers.generated(len(row))
    msg = "--no-header needs a file with a row, allowed: CSV and TSV files"
    raise UsageError(msg)


def csv_options(*, delimiter: str, encoding: str) -> CsvOptions:
    """Return what a command line says of delimited files; a delimiter may be the word `tab`."""
    return CsvOptions(delimiter="\t" if delimiter == "tab" else delimiter, encoding=encoding)


def data_suffix(file: Path) -> str:
    """Return the suffix by which the processor knows a file's format; UsageError for others."""
    suffix = keys.data_suffix(file.name)
    if not suffix:
        msg = f"{file} has an unknown suffix, allowed: {' '.join(keys.SUFFIXES)}, each also .gz"
        raise UsageError(msg)
    return suffix


def source(file: Path, report: Callable[[int], object]) -> Callable[[int], Iterator[bytes]]:
    """Return a function that yields a file's bytes from an offset on."""

    def blocks(offset: int) -> Iterator[bytes]:
        with file.open("rb") as opened:
            opened.seek(offset)
            while block := opened.read(_READ_BYTES):
                report(len(block))
                yield block

    return blocks


@contextmanager
def _taken(file: Path, csv: CsvOptions) -> Generator[None]:
    """Raise OperatorError if the block finds that the processor would not take a file."""
    try:
        yield
    except BadFileError as error:
        msg = f"{file}: would be dead-lettered: {error}"
        raise OperatorError(msg, _encoding_notes(file, csv)) from error


def _header_notes(file: Path, csv: CsvOptions) -> Iterator[str]:
    """Yield a sentence if the names of a file's columns look like data."""
    names = headers.first_row(source(file, _untold), data_suffix(file), csv)
    if found := headers.data_in(names):
        shown = ", ".join(name[:_SHOWN_CHARACTERS] for name in found[:_SHOWN_NAMES])
        more = ", …" if len(found) > _SHOWN_NAMES else ""
        yield (
            f"{file}: the first row gives the columns their names, but looks like data"
            f" ({shown}{more}): if the file has no header, add --no-header"
        )


def _encoding_notes(file: Path, csv: CsvOptions) -> Iterator[str]:
    """Yield a sentence if a file needs the option for its encoding."""
    suffix = data_suffix(file)
    if csv.encoding or not keys.is_delimited(suffix):
        return
    with suppress(BadFileError):  # broken gzip, say: the encoding is not what is wrong
        if not is_utf8(source(file, _untold), suffix):
            yield (f"{file} is not UTF-8: give its encoding, as --encoding cp1252 (Windows-1252)")


def _untold(_size: int) -> None:
    """Tell nobody how much was read: these bytes are read a second time."""


def _add(samples: Samples, lines: Iterable[bytes], *, is_delimited: bool) -> None:
    for line in b"".join(lines).splitlines():
        record = _parsed(line)
        if is_delimited:
            samples.seen.add_row(record, _cell_types)
        else:
            samples.seen.add(record)


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:  # a number beyond all doubles
        return json.loads(line, parse_int=_whole)


def _whole(digits: str) -> int | float:
    """Return a whole number, roughly if it is beyond 64 bits: Python may refuse its digits."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _cell_types(cell: str) -> frozenset[str]:
    """Return the types that a cell can be read as, as the processor would.

    Digits beyond 64 bits are no number here: they are an id, and a double would lose some.
    """
    first = cell[:1]
    if first in _BOOLEAN_STARTS:
        return _BOOLEAN if typed(cell, "boolean") is not None else _NO_TYPES
    if first not in _NUMBER_STARTS:
        return _NO_TYPES
    if typed(cell, "integer") is not None:
        return _INTEGER  # each is a number, too
    if len(cell) >= _LONG_DIGITS and cell.removeprefix("-").isdigit():
        return _NO_TYPES
    return _NUMBER if typed(cell, "number") is not None else _NO_TYPES
