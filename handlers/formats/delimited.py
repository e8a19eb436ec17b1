"""Delimited text, CSV and TSV: one record a row, named by the header. Pure, streaming."""

import csv
import re
from collections.abc import Iterator
from enum import Enum, auto
from io import StringIO
from itertools import chain
from typing import Final

from handlers.formats.batch import BLOCK_BYTES, START, BadFileError, Batch, Position
from handlers.formats.ndjson import TOO_LONG
from handlers.formats.text import Text
from handlers.records import MAX_RECORD_BYTES, RecordEncoder, distinct_names, normalize_name

DELIMITERS: Final = ",;\t|"  # the first of those that are equally frequent is taken
_BREAKS: Final = b"\r\n"
_OPEN_QUOTE: Final = "a quote that is opened in this row never closes"
_BREAK = re.compile(rb"[\r\n]")
_QUOTED = re.compile(r'"[^"]*"')

# No field may end a row early: rows have a limit of their own. The module knows one for all.
csv.field_size_limit(4 * MAX_RECORD_BYTES)


def read_rows(
    text: Text, encoder: RecordEncoder, start: Position, *, delimiter: str | None
) -> Iterator[Batch]:
    """Yield the rows of a text from `start` on; `delimiter` None takes it from the header.

    Raises BadFileError for a header that cannot be read and for a quote that never closes.
    """
    blocks = text.blocks()
    header, rest = _read_header(blocks)
    if header is None:
        return
    delimiter = delimiter or _find_delimiter(header.text)
    names, renamed = distinct_names(map(normalize_name, _read_names(header, delimiter)))
    if start == START:
        encoder.renamed += renamed
        start, blocks = header.after, chain([rest], blocks)
    else:
        blocks = text.blocks(start.offset)
    yield from _Rows(blocks, encoder, names, delimiter, start).batches()


class _Header:
    def __init__(self, raw: bytes, after: Position, line: int) -> None:
        self.after = after
        self.place = f"line {line}"
        try:
            self.text = raw.decode()
        except UnicodeDecodeError as error:
            msg = f"invalid UTF-8 in the header, at byte {error.start} of it"
            raise BadFileError(msg, self.place) from error


def _read_header(blocks: Iterator[bytes]) -> tuple[_Header | None, bytes]:
    """Return the first row that is not blank, and what was read behind it."""
    held, line = b"", 1
    for block in chain(blocks, [b""]):
        held += block
        content = held.lstrip(_BREAKS)
        blank = held[: len(held) - len(content)]
        if end := _header_end(content, ended=not block):
            line += _count_breaks(blank)
            after = Position(len(blank) + end, line + _count_breaks(content[:end]))
            return _Header(content[:end].rstrip(_BREAKS), after, line), content[end:]
        if len(content) > MAX_RECORD_BYTES:
            raise BadFileError("the header is " + TOO_LONG, f"line {line + _count_breaks(blank)}")
    return None, b""


def _header_end(content: bytes, *, ended: bool) -> int:
    """Return where the header row ends, breaks included; 0 while that cannot be told."""
    quotes = at = 0
    for found in re.finditer(rb"\r\n|\n|\r(?=[^\n])", content):
        quotes += content.count(b'"', at, found.start())
        at = found.end()
        if quotes % 2 == 0:
            return at
    return len(content) if ended else 0


def _find_delimiter(header: str) -> str:
    bare = _QUOTED.sub("", header)
    return max(DELIMITERS, key=bare.count)


def _read_names(header: _Header, delimiter: str) -> list[str]:
    reader = csv.reader(StringIO(header.text, newline=""), delimiter=delimiter, strict=True)
    try:
        return next(reader)
    except csv.Error as error:
        msg = f"broken header: {error}"
        raise BadFileError(msg, header.place) from error


def _count_breaks(text: bytes) -> int:
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


class _Tracked:
    """Lines for a csv.reader that tells how much of them it has taken."""

    def __init__(self, text: str) -> None:
        self._lines = iter(StringIO(text, newline=""))
        self.taken = 0
        self.lines = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.taken += len(line)
        self.lines += 1
        return line


class _Rows:
    def __init__(
        self,
        blocks: Iterator[bytes],
        encoder: RecordEncoder,
        names: list[str],
        delimiter: str,
        start: Position,
    ) -> None:
        self._blocks = blocks
        self._encoder = encoder
        self._names = names
        self._delimiter = delimiter
        self._held = b""  # begins where a row begins
        self._offset, self._line = start
        self._ended = False

    def batches(self) -> Iterator[Batch]:
        wanted = BLOCK_BYTES
        while not self._ended or self._held:
            self._read(wanted)
            cut = len(self._held) if self._ended else _last_break(self._held)
            batch = self._rows(self._held[:cut]) if cut else Batch()
            if batch is None or not cut:
                if len(self._held) <= MAX_RECORD_BYTES:
                    wanted = len(self._held) + max(BLOCK_BYTES, len(self._held))
                    continue
                batch = self._skip_row()
            wanted = BLOCK_BYTES
            batch.after = Position(self._offset, self._line)
            yield batch

    def _read(self, wanted: int) -> None:
        pieces, held = [self._held], len(self._held)
        while held < wanted and not self._ended:
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
            else:
                pieces.append(block)
                held += len(block)
        self._held = b"".join(pieces)

    def _take(self, count: int, lines: int) -> None:
        self._held = self._held[count:]
        self._offset += count
        self._line += lines

    def _rows(self, chunk: bytes) -> Batch | None:
        """Return the rows of whole lines; None if they are one row that goes on behind them."""
        try:
            text = chunk.decode()
            reader = csv.reader(StringIO(text, newline=""), delimiter=self._delimiter, strict=True)
            rows = list(reader)
        except (UnicodeDecodeError, csv.Error):
            return self._each_row(chunk)
        if [] in rows:
            rows = [row for row in rows if row]
        if len(chunk) > MAX_RECORD_BYTES or set(map(len, rows)) - {len(self._names)}:
            return self._each_row(chunk)
        encoded = self._encoder.encode_rows(self._names, rows)
        self._take(len(chunk), reader.line_num)
        return Batch([encoded.lines], encoded.written, encoded.empty)

    def _each_row(self, chunk: bytes) -> Batch | None:
        text = chunk.decode(errors="surrogateescape")
        lines, batch, done, count = _Tracked(text), Batch(), 0, 0
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        while True:
            begin, line = lines.taken, lines.lines
            problem = ""
            try:
                row = next(reader, None)
            except csv.Error as error:
                row, problem = [], f"broken quotes: {error}"
            if problem and lines.ended:
                if self._ended:
                    raise BadFileError(_OPEN_QUOTE, f"line {self._line + line}")
                break  # the row goes on behind the chunk
            if row is None:
                break
            raw = text[begin : lines.taken].encode(errors="surrogateescape")
            done, count = done + len(raw), lines.lines
            if row or problem:
                self._read_row(row, problem, raw.rstrip(_BREAKS), self._line + line, batch)
        if not done:
            return None
        self._take(done, count)
        return batch

    def _read_row(self, row: list[str], problem: str, raw: bytes, line: int, batch: Batch) -> None:
        if len(raw) > MAX_RECORD_BYTES:
            problem = TOO_LONG
        elif not problem and len(row) != len(self._names):
            problem = f"{len(row)} cells, the header has {len(self._names)}"
        elif not problem:
            try:
                raw.decode()
            except UnicodeDecodeError as error:
                problem = f"invalid UTF-8 at byte {error.start}"
        if problem:
            batch.reject("line", line, problem, raw)
            return
        encoded = self._encoder.encode_rows(self._names, [row])
        batch.lines.append(encoded.lines)
        batch.written += encoded.written
        batch.empty += encoded.empty

    def _skip_row(self) -> Batch:
        """Reject a row that is too long to hold, without holding it."""
        batch, skipper, length = Batch(), _RowSkipper(self._delimiter.encode()), 0
        first_line = self._line
        batch.reject("line", first_line, TOO_LONG, self._held)
        after_return = False
        while True:
            end = skipper.find_end(self._held)
            passed = self._held[:end]
            # A break whose two bytes came in two blocks is one.
            lines = _count_breaks(passed) - (after_return and passed.startswith(b"\n"))
            after_return = passed.endswith(b"\r")
            length += len(passed)
            self._take(len(passed), lines)
            if end is not None:
                break
            if self._ended:
                skipper.finish(f"line {first_line}")
                break
            self._read(1)
        raw_bytes = length - skipper.break_bytes
        batch.rejects[-1] = batch.rejects[-1]._replace(raw_bytes=raw_bytes)
        return batch


def _last_break(text: bytes) -> int:
    """Return where the last line ends; a carriage return counts if there is nothing else."""
    return text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, max(len(text) - 1, 0)) + 1


class _State(Enum):
    FIELD_START = auto()
    PLAIN = auto()
    QUOTED = auto()
    CLOSING = auto()  # behind a quote that ends the field, unless it is one of two
    BROKEN = auto()  # something follows a closing quote


class _RowSkipper:
    """Finds the end of a row through block after block, keeping nothing of them.

    As csv.reader does: a quote means something only where a field begins, and what follows a
    closing quote makes the line, and no more than the line, a broken row.
    """

    def __init__(self, delimiter: bytes) -> None:
        self.break_bytes = 0  # of the line break that ended the row
        self._after_return = False  # what ended the row, so that a line feed belongs to it
        self._state = _State.FIELD_START
        self._delimiter = delimiter
        self._plain_end = re.compile(rb"[\r\n]|" + re.escape(delimiter) + rb'"')

    def find_end(self, block: bytes) -> int | None:
        """Return where in the block the row ends, its break included, or None if it goes on."""
        at = 0
        while at < len(block) and not self.break_bytes:
            at = self._step(block, at)
        if not self.break_bytes or (self._after_return and at == len(block)):
            return None
        pair = self._after_return and block[at : at + 1] == b"\n"
        self.break_bytes += pair
        return at + pair

    def finish(self, place: str) -> None:
        """Take the end of the file as the end of the row; raise BadFileError within quotes."""
        if self._state is _State.QUOTED:
            raise BadFileError(_OPEN_QUOTE, place)

    def _step(self, block: bytes, at: int) -> int:
        """Go to the next byte that means something and return what is behind it."""
        if self._state is _State.QUOTED:
            quote = block.find(b'"', at)
            if quote < 0:
                return len(block)
            self._state = _State.CLOSING
            return quote + 1
        byte = block[at : at + 1]
        if self._state in (_State.FIELD_START, _State.CLOSING) and byte == b'"':
            self._state = _State.QUOTED
            return at + 1
        if self._state is _State.CLOSING and byte not in (b"\r", b"\n"):
            self._state = _State.PLAIN if byte == self._delimiter else _State.BROKEN
        found = (_BREAK if self._state is _State.BROKEN else self._plain_end).search(block, at)
        if not found:
            if self._state is not _State.BROKEN:
                at_delimiter = block.endswith(self._delimiter)
                self._state = _State.FIELD_START if at_delimiter else _State.PLAIN
            return len(block)
        if found.group() in (b"\r", b"\n"):
            self.break_bytes = 1
            self._after_return = found.group() == b"\r"
        else:
            self._state = _State.QUOTED
        return found.end()
