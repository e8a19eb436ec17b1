"""Delimited text, CSV and TSV: one record a row, named by the header. Pure, streaming."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Final

from handlers.formats.batch import BLOCK_BYTES, START, BadFileError, Batch, Position
from handlers.formats.header import Header, read_header
from handlers.formats.rows import BREAKS, LineCounter, RowSkipper
from handlers.formats.text import Text
from handlers.formats.window import Window
from handlers.names import distinct_names, normalize_name
from handlers.records import MAX_RECORD_BYTES, RecordEncoder, too_long
from handlers.row_texts import row_texts

_GUESSES: Final = 2
_GUESSED_BYTES: Final = 4 * BLOCK_BYTES  # the lines of more would take memory for long rows only
_OPEN_QUOTE: Final = "a quote that is opened in this row never closes"

# No field may end a row early: rows have a limit of their own. The module knows one for all.
csv.field_size_limit(4 * MAX_RECORD_BYTES)


def read_rows(
    text: Text, encoder: RecordEncoder, start: Position, *, delimiter: str | None
) -> Iterator[Batch]:
    """Yield the rows of a text from `start` on; `delimiter` None takes it from the header.

    Raises BadFileError for a header that cannot be read and for a quote that never closes.
    """
    window = Window(text.blocks(), 0)
    header = read_header(window, delimiter)
    if header is None:
        return
    names, renamed = distinct_names(map(normalize_name, header.names))
    number = header.lines + 1
    if start == START:
        encoder.renamed += renamed
    else:
        window, number = Window(text.blocks(start.offset), start.offset), start.number
    yield from _RowReader(window, encoder, names, header, number).batches()


class _Lines:
    """Lines for a csv.reader that tells how much of them it has taken."""

    def __init__(self, text: str) -> None:
        self._lines = iter(StringIO(text, newline=""))
        self.taken = 0
        self.count = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.taken += len(line)
        self.count += 1
        return line


class _RowReader:
    def __init__(
        self, window: Window, encoder: RecordEncoder, names: list[str], header: Header, number: int
    ) -> None:
        """`window` begins where a row begins, on the line of this number."""
        self._window = window
        self._encoder = encoder
        self._columns = len(names)
        self._texts = row_texts(names)
        self._delimiter = header.delimiter
        self._line = number

    def batches(self) -> Iterator[Batch]:
        window = self._window
        while True:
            window.grow(BLOCK_BYTES // 2)  # the first has lost its head
            if not window.text:
                return
            while not (batch := self._read_lines()):
                if len(window.text) > MAX_RECORD_BYTES + 1:  # no room for a break behind the row
                    batch = self._skip_row()
                    break
                window.grow_until(MAX_RECORD_BYTES + 2)
            batch.after = Position(window.offset, self._line)
            yield batch

    def _read_lines(self) -> Batch | None:
        """Return the rows of the whole lines that are there; None if not even one row is."""
        window = self._window
        cut = len(window.text) if window.ended else _last_break(window.text)
        return self._guess(cut) or self._read_each(window.text[:cut]) if cut else None

    def _guess(self, cut: int) -> Batch | None:
        """Return the rows up to a break that is guessed and then proved: no quote is open there.

        None if no guess holds, or a row is odd: of another length than the header, broken, not
        UTF-8, or longer than some blocks.
        """
        for _ in range(_GUESSES):
            if not 0 < cut <= min(MAX_RECORD_BYTES, _GUESSED_BYTES):
                break
            lines = self._window.text[:cut].splitlines(keepends=True)
            reader = csv.reader(map(bytes.decode, lines), delimiter=self._delimiter, strict=True)
            try:
                encoded = self._encoder.encode_rows(filter(None, reader), self._texts)
            except ValueError:
                break
            except csv.Error:
                if self._window.ended or reader.line_num < len(lines):
                    break  # not the cut is wrong but something before it
                cut -= _open_bytes(lines)
                continue
            batch = Batch()
            batch.add(encoded)
            self._take(cut, reader.line_num)
            return batch
        return None

    def _take(self, count: int, lines: int) -> None:
        self._window.drop(count)
        self._line += lines

    def _read_each(self, chunk: bytes) -> Batch | None:
        """Return the rows one by one; the last one may go on behind the chunk."""
        text = chunk.decode(errors="surrogateescape")
        lines, batch = _Lines(text), Batch()
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        done = length = count = 0
        while True:
            row, problem = _next_row(reader)
            if row is None or (problem and lines.ended):
                break
            raw = text[done : lines.taken].encode(errors="surrogateescape")
            self._read_row(row, problem, raw.rstrip(BREAKS), self._line + count, batch)
            done, length, count = lines.taken, length + len(raw), lines.count
        if problem and self._window.ended:
            raise BadFileError(_OPEN_QUOTE, f"line {self._line + count}")
        self._take(length, count)
        return batch if length else None

    def _read_row(self, row: list[str], problem: str, raw: bytes, line: int, batch: Batch) -> None:
        if not row and not problem:
            return  # a blank line
        if len(raw) > MAX_RECORD_BYTES:
            problem = too_long()
        elif not problem and len(row) != self._columns:
            problem = f"{len(row)} cells, the header has {self._columns}"
        problem = problem or _encoding_problem(raw)
        if problem:
            batch.reject("line", line, problem, raw)
        else:
            batch.add(self._encoder.encode_rows([row], self._texts))

    def _skip_row(self) -> Batch:
        """Reject a row that is too long to hold, without holding it."""
        window, batch, lines = self._window, Batch(), LineCounter()
        raw, skipper, length = window.text, RowSkipper(self._delimiter.encode()), 0
        while (end := skipper.find_end(window.text)) is None and not window.ended:
            length += lines.count(window.drop(len(window.text)))
            window.grow(1)
        if skipper.is_quoted:
            raise BadFileError(_OPEN_QUOTE, f"line {self._line}")
        length += lines.count(window.drop(len(window.text) if end is None else end))
        batch.reject("line", self._line, too_long(), raw, length - skipper.break_bytes)
        self._line += lines.counted
        return batch


def _next_row(reader: Iterator[list[str]]) -> tuple[list[str] | None, str]:
    """Return the next row, None at the end, and what is wrong with it."""
    try:
        return next(reader, None), ""
    except csv.Error as error:
        return [], f"broken quotes: {error}"


def _encoding_problem(raw: bytes) -> str:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"invalid UTF-8 at byte {error.start}"
    return ""


def _open_bytes(lines: list[bytes]) -> int:
    """Return how long the last lines are, from the one on that opens the quote still open.

    All quotes but those that open or close come in pairs.
    """
    length = 0
    for line in reversed(lines):
        length += len(line)
        if line.count(b'"') % 2:
            break
    return length


def _last_break(text: bytes) -> int:
    """Return where the last line ends; a carriage return at the end may be half of a break."""
    return max(text.rfind(b"\n"), text.rfind(b"\r", 0, max(len(text) - 1, 0))) + 1
