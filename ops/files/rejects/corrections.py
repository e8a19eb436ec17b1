"""Read a file with corrected rows, and make JSON lines of it. Pure but for `read`.

A JSON row is sent in the words of the file, so that no number changes. A CSV row becomes an object,
as the pipeline would read it: of strings, or of what the dataset of its file declares.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from ops.terminal.problems import UsageError

# The content is held in memory and sent in one call.
MAX_BYTES: Final = 256 * 1024**2
_SHOWN_PROBLEMS: Final = 20
# The pipeline takes records of 8 MiB; csv's own limit is 128 KiB a cell.
_MAX_CELL_CHARACTERS: Final = 8 * 1024**2
_DELIMITERS: Final = ",;\t|"  # of those that are equally frequent, the first is taken
_STATEMENT = re.compile(r'("?)sep=([,;\t|])\1(?:\r?\n|\r|\Z)', re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_SPACE = re.compile(r"[ \t\r\n]*")
_KINDS: Final[dict[type, str]] = {
    list: "an array", str: "a string", bool: "a boolean", type(None): "null",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Correction:
    """Corrected rows: how many, and the JSON lines to send."""

    rows: int
    content: bytes


class _RowError(Exception):
    """A row that cannot be sent; `line` is where it begins in the file."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")


_Rows = Iterator[str | _RowError]

# Takes the names in a CSV header; returns what makes a cell of each column JSON. That raises
# ValueError for a cell that cannot be sent.
Columns = Callable[[Sequence[str]], Sequence[Callable[[str], str]]]


def texts(header: Sequence[str]) -> Sequence[Callable[[str], str]]:
    """Return columns of strings."""
    return [partial(json.dumps, ensure_ascii=False)] * len(header)


def read(path: Path, columns: Columns = texts) -> Correction:
    """Return the rows of a file: NDJSON or JSON by its content, CSV by its suffix.

    `columns` is for CSV. Raises UsageError that names every row which cannot be read, by its line
    and with the reason.
    """
    forms: dict[str, Callable[[str], _Rows]] = {
        ".ndjson": json_rows, ".jsonl": json_rows, ".json": json_rows,
        ".csv": partial(csv_rows, columns=columns),
    }  # fmt: skip
    form = forms.get(path.suffix.lower())
    if not form:
        msg = f"--fix {path} is of no known form, allowed: {' '.join(forms)}"
        raise UsageError(msg)
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        msg = f"--fix {path} cannot be read ({error.strerror})"
        raise UsageError(msg) from error
    if size > MAX_BYTES:
        msg = f"--fix {path} has {size} bytes, allowed: {MAX_BYTES}; split it, or use `upload`"
        raise UsageError(msg)
    return correct(str(path), raw, form)


def correct(name: str, raw: bytes, form: Callable[[str], _Rows]) -> Correction:
    """Return the rows of a file's content; raises UsageError as `read`."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        msg = f"--fix {name}, line {line}: not UTF-8, allowed: UTF-8; nothing is sent"
        raise UsageError(msg) from error
    rows: list[str] = []
    problems: list[str] = []
    for row in form(text):
        (problems if isinstance(row, _RowError) else rows).append(str(row))
    if not rows and not problems:
        problems = ["no row in it"]
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = problems[:_SHOWN_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        msg = f"--fix {name}: {'; '.join(shown)}; nothing is sent"
        raise UsageError(msg)
    return Correction(rows=len(rows), content="".join(f"{row}\n" for row in rows).encode())


def csv_rows(text: str, columns: Columns = texts) -> _Rows:
    """Yield each row below the header as a JSON object, in the header's names.

    Names that come twice are written twice: the pipeline keeps both.
    """
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    stated = _STATEMENT.match(text)
    skipped = 1 if stated else 0
    text = text[stated.end() :] if stated else text
    delimiter = stated.group(2) if stated else _find_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    writers: Sequence[Callable[[str], str]] = ()
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _RowError(line, f"broken CSV: {error}")
            if names is None:
                return  # what the cells mean is unknown
            continue
        if not cells:
            continue
        if names is None:
            names = [json.dumps(name, ensure_ascii=False) for name in cells]
            writers = columns(cells)
        elif len(cells) != len(names):
            yield _RowError(line, f"{len(cells)} cells, allowed: {len(names)}, as in the header")
        else:
            yield _object(names, writers, cells, line)


def _object(
    names: Sequence[str], writers: Sequence[Callable[[str], str]], cells: Sequence[str], line: int
) -> str | _RowError:
    pairs: list[str] = []
    problems: list[str] = []
    for name, write, cell in zip(names, writers, cells, strict=True):
        try:
            pairs.append(f"{name}:{write(cell)}")
        except ValueError as error:
            problems.append(str(error))
    return _RowError(line, ", ".join(problems)) if problems else f"{{{','.join(pairs)}}}"


def json_rows(text: str) -> _Rows:
    """Yield each record of JSON, in its own words on one line.

    The content decides, as in the pipeline: an array, a record a line, or objects over several
    lines, one after another.
    """
    start = _after_space(text, 0)
    if text.startswith("[", start):
        return _elements(text, start + 1)
    if _spans_lines(text, start):
        return _objects(text, start)
    return _lines(text)


def _lines(text: str) -> _Rows:
    for number, line in enumerate(text.split("\n"), 1):
        row = line.strip(" \t\r")
        if row:
            yield _checked(row, number)


def _objects(text: str, start: int) -> _Rows:
    while start < len(text):
        row, start = _cut(text, start)
        yield row
        start = _after_space(text, start)


def _elements(text: str, start: int) -> _Rows:
    """Yield the elements of an array whose bracket is before `start`; a broken one is the last."""
    start = _after_space(text, start)
    more = not text.startswith("]", start)
    while more:
        row, start = _cut(text, start)
        yield row
        start = _after_space(text, start)
        if isinstance(row, _RowError) and start == len(text):
            return
        more = text.startswith(",", start)
        start = _after_space(text, start + 1) if more else start
    if not text.startswith("]", start):
        yield _RowError(_line_of(text, start), "the array is broken here, allowed: , or ]")
    elif (end := _after_space(text, start + 1)) < len(text):
        yield _RowError(_line_of(text, end), "text behind the end of the array")


def _cut(text: str, start: int) -> tuple[str | _RowError, int]:
    """Return the value at a place as a row, and where it ends: the end of the text if broken."""
    line = _line_of(text, start)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        return _RowError(error.lineno, f"not JSON: {error.msg}"), len(text)
    except (ValueError, RecursionError) as error:
        return _RowError(line, _told(error)), len(text)
    # A line break in JSON is white space: within a string it would be an escape.
    return _as_row(text[start:end].replace("\r", " ").replace("\n", " "), value, line), end


def _checked(row: str, line: int) -> str | _RowError:
    try:
        value = _DECODER.decode(row)
    except json.JSONDecodeError as error:
        return _RowError(line, f"not JSON: {error.msg} at character {error.pos + 1}")
    except (ValueError, RecursionError) as error:
        return _RowError(line, _told(error))
    return _as_row(row, value, line)


def _as_row(row: str, value: object, line: int) -> str | _RowError:
    if not isinstance(value, dict):
        # Numbers were read as text: only a quote tells them from strings.
        kind = "a number" if row[0] not in '"[{tfn' else _KINDS[type(value)]
        return _RowError(line, f"not an object but {kind}")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return _RowError(line, "a lone surrogate cannot be written as UTF-8")
    return row


def _told(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


def _refuse(constant: str) -> NoReturn:
    msg = f"{constant} is no JSON"
    raise ValueError(msg)


# Numbers stay text: their value does not matter, and Python refuses very long ones.
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, parse_int=str, parse_float=str)


def _spans_lines(text: str, start: int) -> bool:
    """Return whether the first value is an object that goes on behind its first line."""
    end_of_line = text.find("\n", start)
    if end_of_line < 0 or not text.startswith("{", start):
        return False
    try:
        _, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return False
    return end > end_of_line


def _find_delimiter(text: str) -> str:
    header = re.split(r"[\r\n]", _QUOTED.sub("", text.lstrip("\r\n")), maxsplit=1)[0]
    return max(_DELIMITERS, key=header.count)


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _line_of(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
