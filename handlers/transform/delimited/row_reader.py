"""Reads CSV and TSV: one record per row, with field names from the header. Pure, streaming."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from typing import Final

from handlers.transform.delimited.counted_lines import CountedLines, find_rows
from handlers.transform.delimited.header import read_header
from handlers.transform.delimited.regular_rows import RegularRows
from handlers.transform.delimited.rows import BREAK, BREAKS, LineCounter, RowSkipper
from handlers.transform.formats.batch import BLOCK_BYTES, START, BadFileError, Batch, Position
from handlers.transform.formats.text import Text
from handlers.transform.formats.window import Window
from handlers.transform.records.encoder import MAX_RECORD_BYTES, Encoded, RecordEncoder, too_long
from handlers.transform.records.encodings import utf8_problem
from handlers.transform.records.json_text import BadRecordError
from handlers.transform.records.names import distinct_names, normalize_name
from handlers.transform.records.row_texts import RowTexts

_GUESSES: Final = 2
_MOST_BLOCKS: Final = 4  # whose lines are split at once; more would take too much memory
_OPEN_QUOTE: Final = "a quote that is opened in this row never closes"
_OPEN_LINE: Final = "the line ends within them"
_OPEN_AT_END: Final = "unexpected end of data"  # the message of the csv module
_TEXT_BREAKS: Final = BREAKS.decode()

# Rows have their own limit, so the csv module's limit for fields, a global one, must be higher.
csv.field_size_limit(4 * MAX_RECORD_BYTES)


def read_rows(
    text: Text, encoder: RecordEncoder, start: Position, *, is_tsv: bool
) -> Iterator[Batch]:
    """Yield the rows of a text from `start` on, in batches.

    Raises BadFileError for a header that cannot be read, and for a quote that never closes; in a
    TSV such a quote is a character, since most programs that write TSV do not quote.
    """
    window = Window(text.blocks(), 0)
    header = read_header(window, encoder.csv, is_tsv=is_tsv)
    if header is None:
        return
    names, renamed = _columns(header.names, encoder.dropped)
    if start == START:
        encoder.renamed += renamed
        start = Position(window.offset, header.lines + 1)
    else:
        window = Window(text.blocks(start.offset), start.offset)
    table = _Table(text=text, names=names, delimiter=header.delimiter, is_tsv=is_tsv)
    yield from _RowReader(table, window, encoder, start).batches()


def _columns(header: list[str], dropped: frozenset[str]) -> tuple[list[str], int]:
    """Return the names of columns, "" for one that is dropped, and how many were renamed."""
    normalized = [normalize_name(name) for name in header]
    kept = [at for at, name in enumerate(normalized) if name not in dropped]
    names, renamed = distinct_names([header[at] for at in kept], [normalized[at] for at in kept])
    columns = [""] * len(header)
    for at, name in zip(kept, names, strict=True):
        columns[at] = name
    return columns, renamed


@dataclass(frozen=True, kw_only=True)
class _Table:
    text: Text
    names: list[str]
    delimiter: str
    is_tsv: bool


class _RowReader:
    def __init__(
        self, table: _Table, window: Window, encoder: RecordEncoder, start: Position
    ) -> None:
        """`window` begins at `start`, where a row begins."""
        self._window = window
        self._encoder = encoder
        self._columns = len(table.names)
        self._names = table.names
        self._delimiter = table.delimiter
        self._regular = RegularRows(table.names, table.delimiter.encode(), encoder)
        self._is_tsv = table.is_tsv
        self._line = start.number
        self._lines_end = start.lines_end
        self._text = table.text
        self._ahead: Window | None = None

    def batches(self) -> Iterator[Batch]:
        window = self._window
        while True:
            window.grow(BLOCK_BYTES // 2)  # the first block is already partly read
            if not window.text:
                return
            while not (batch := self._read_lines()):
                if len(window.text) <= MAX_RECORD_BYTES + 1:  # with room for the line break
                    window.grow_until(MAX_RECORD_BYTES + 2)
                elif not self._is_broken_ahead():
                    batch = self._skip_row()
                    break
            lines_end = self._lines_end if self._reads_lines else 0
            batch.after = Position(window.offset, self._line, lines_end)
            yield batch

    @cached_property
    def _texts(self) -> RowTexts:
        """The function that encodes rows; most files never need it."""
        return self._encoder.row_texts(self._names)

    @property
    def _reads_lines(self) -> bool:
        """Whether each line is a row here: a part of a longer row whose quotes are broken."""
        return self._window.offset < self._lines_end

    def _read_lines(self) -> Batch | None:
        """Return the rows that the window holds whole; None if it holds none."""
        window = self._window
        if not self._reads_lines and (rows := self._regular.read(window)):
            return self._taken(rows.encoded, rows.length, rows.lines)
        end = len(window.text) if window.ended else _last_break(window.text)
        if not end:
            return None
        if not self._reads_lines:
            near = _near_break(window.text, end, self._regular.odd_bytes)
            batch = self._guess(near) or self._read_each(near)
            if not batch and near < end and not self._reads_lines:
                batch = self._read_each(end)
            if batch or not self._reads_lines:
                return batch
        end = min(end, self._lines_end - window.offset)
        return self._read_each_line(_near_break(window.text, end, _MOST_BLOCKS * BLOCK_BYTES))

    def _guess(self, cut: int) -> Batch | None:
        """Return the rows up to a line break that is guessed and then proved to end a row.

        Returns None if no guess is right, or if a row is odd: not as long as the header, broken,
        not UTF-8, or longer than some blocks.
        """
        for _ in range(_GUESSES):
            if not 0 < cut <= min(MAX_RECORD_BYTES, _MOST_BLOCKS * BLOCK_BYTES):
                break
            lines = self._window.text[:cut].splitlines(keepends=True)
            reader = csv.reader(map(bytes.decode, lines), delimiter=self._delimiter, strict=True)
            try:
                encoded = self._encoder.encode_rows(filter(None, reader), self._texts)
            except ValueError:
                break
            except csv.Error:
                if self._window.ended or reader.line_num < len(lines):
                    break  # the error is before the cut
                cut -= _open_bytes(lines)
                continue
            return self._taken(encoded, cut, reader.line_num)
        return None

    def _taken(self, encoded: Encoded, count: int, lines: int) -> Batch:
        """Return the encoded rows at the start of the window; reject those that are left out."""
        batch = Batch()
        batch.add(encoded)
        if encoded.left_out:
            text = self._window.text[:count]
            found = find_rows(text, self._delimiter, [at for at, _ in encoded.left_out])
            for (_, error), (raw, line) in zip(encoded.left_out, found, strict=True):
                batch.reject_for(error, "line", self._line + line, raw)
        self._take(count, lines)
        return batch

    def _take(self, count: int, lines: int) -> None:
        self._window.drop(count)
        self._line += lines

    def _read_each(self, end: int) -> Batch | None:
        """Return the rows up to `end`, read one by one; a last one that continues is left out.

        Stops before a row of many blocks whose quotes are broken: its lines are then rows.
        """
        window, batch = self._window, Batch()
        text = window.text[:end].decode(errors="surrogateescape")
        lines = CountedLines(text)
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        done = length = count = 0
        problem = ""
        while length <= _MOST_BLOCKS * BLOCK_BYTES:
            row, problem = _next_row(reader)
            if row is None or (problem and lines.ended):
                break
            raw = text[done : lines.taken].encode(errors="surrogateescape")
            if problem and len(raw) > _MOST_BLOCKS * BLOCK_BYTES:
                self._lines_end = window.offset + length + len(raw)
                break
            if problem:
                self._read_broken(raw, self._line + count, batch)
            else:
                self._read_row(row, "", raw.rstrip(BREAKS), self._line + count, batch)
            done, length, count = lines.taken, length + len(raw), lines.count
        if lines.ended and problem and window.ended and end == len(window.text):
            self._lines_end = self._end_of_open_row(window.offset + end, self._line + count)
        self._take(length, count)
        return batch if length else None

    def _end_of_open_row(self, end: int, line: int) -> int:
        """Return the end of a row whose quote never closes; raise BadFileError unless a TSV."""
        if not self._is_tsv:
            raise BadFileError(_OPEN_QUOTE, f"line {line}")
        return end

    def _read_each_line(self, end: int) -> Batch:
        """Return lines, each as a row of its own."""
        chunk = self._window.text[:end]
        if b'"' not in chunk and (batch := self._guess(end)):
            return batch
        batch = Batch()
        self._take(end, self._read_broken(chunk, self._line, batch))
        return batch

    def _read_broken(self, raw: bytes, number: int, batch: Batch) -> int:
        """Read each line of a text with broken quotes as a row; return the number of lines."""
        lines = list(StringIO(raw.decode(errors="surrogateescape"), newline=""))
        for at, line in enumerate(lines, start=number):
            row, problem = _next_row(csv.reader([line], delimiter=self._delimiter, strict=True))
            if problem and self._is_tsv:
                row, problem = line.rstrip(_TEXT_BREAKS).split(self._delimiter), ""
            raw = line.encode(errors="surrogateescape")
            self._read_row(row or [], problem, raw.rstrip(BREAKS), at, batch)
        return len(lines)

    def _read_row(self, row: list[str], problem: str, raw: bytes, line: int, batch: Batch) -> None:
        if not row and not problem:
            return  # a blank line
        if len(raw) > MAX_RECORD_BYTES:
            problem = too_long()
        elif not problem and len(row) != self._columns:
            problem = f"{len(row)} cells, the header has {self._columns}"
        problem = problem or utf8_problem(raw)
        if problem:
            batch.reject("line", line, problem, raw)
            return
        try:
            batch.add(self._encoder.encode_row(row, self._names, self._texts))
        except BadRecordError as error:
            batch.reject_for(error, "line", line, raw)

    def _is_broken_ahead(self) -> bool:
        """Return whether the quotes of a row that is too long to hold are broken.

        If so, its lines are rows. Reads ahead in a second stream of the text, which never goes
        back: however many such rows there are, the text is read at most twice.
        """
        if self._reads_lines:
            return False
        begin = self._window.offset
        self._ahead = self._ahead or Window(self._text.blocks(begin), begin)
        self._ahead.drop_to(begin)
        skipper = RowSkipper(self._delimiter.encode())
        _, lines = _pass_row(self._ahead, skipper)
        if skipper.is_quoted:
            self._lines_end = self._end_of_open_row(self._ahead.offset, self._line)
        elif skipper.is_broken and lines > 1:
            self._lines_end = self._ahead.offset
        return self._reads_lines

    def _skip_row(self) -> Batch:
        """Reject a row that is too long to hold, without holding it."""
        batch, raw = Batch(), self._window.text
        skipper = RowSkipper(self._delimiter.encode(), quotes=not self._reads_lines)
        length, lines = _pass_row(self._window, skipper)
        batch.reject("line", self._line, too_long(), raw, length - skipper.break_bytes)
        self._line += lines
        return batch


def _pass_row(window: Window, skipper: RowSkipper) -> tuple[int, int]:
    """Drop a row from a window, block by block; return its length in bytes and in lines."""
    counter, length = LineCounter(), 0
    while (end := skipper.find_end(window.text)) is None and not window.ended:
        length += counter.count(window.drop(len(window.text)))
        window.grow(1)
    length += counter.count(window.drop(len(window.text) if end is None else end))
    return length, counter.counted + (skipper.break_bytes == 0)


def _next_row(reader: Iterator[list[str]]) -> tuple[list[str] | None, str]:
    """Return the next row, None at the end, and what is wrong with it."""
    try:
        return next(reader, None), ""
    except csv.Error as error:
        open_line = str(error) == _OPEN_AT_END
        return [], f"broken quotes: {_OPEN_LINE if open_line else error}"


def _open_bytes(lines: list[bytes]) -> int:
    """Return the length of the last lines, from the line on that opens the quote still open.

    All quotes but those that open or close a cell come in pairs.
    """
    length = 0
    for line in reversed(lines):
        length += len(line)
        if line.count(b'"') % 2:
            break
    return length


def _near_break(text: bytes, end: int, near: int) -> int:
    """Return the end of the last line within `near` bytes, or of the first if it is longer.

    `end` is the end of the last line. Millions of rows take memory, however short.
    """
    if end <= near:
        return end
    found = BREAK.search(text, near - 1, end)
    return _last_break(text[:near]) or (found.end() if found else end)


def _last_break(text: bytes) -> int:
    """Return the end of the last line. A return at the end of the text may be half a break."""
    return max(text.rfind(b"\n"), text.rfind(b"\r", 0, max(len(text) - 1, 0))) + 1
