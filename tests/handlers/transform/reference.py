"""A second, slow implementation of the contract's Records section, to compare the first with.

It holds the whole file, reads it character by character, and shares no code with `handlers`.
"""

import json
import unicodedata
import zlib
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

MAX_DEPTH = 200
MAX_RECORD_BYTES = 8 * 1024 * 1024
MAX_RECORD_PARTS = 500_000
JSON_SPACE = " \t\r\n"
BREAKS = "breaks the dataset"  # the class of a reject by a dataset
DELIMITERS = ",;\t|"


class FileFailsError(Exception):
    """Nothing of the file may be written; `place` is the first bad place, if it has one."""

    def __init__(self, place: str = "") -> None:
        super().__init__(place)
        self.place = place


class _RejectedError(Exception):
    pass


@dataclass
class Outcome:
    """The result that a file must have."""

    records: list = field(default_factory=list)  # canonical, see `canonical`
    rejects: list = field(default_factory=list)  # (place, class of reason)
    empty: int = 0
    renamed: int = 0
    # With a dataset: by the place of a reject, all that its record breaks, as (field, rule).
    broken: dict = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Number:
    digits: str

    def exact(self):
        try:
            return Decimal(self.digits)
        except InvalidOperation:
            return self.digits


@dataclass(frozen=True)
class Constant:
    name: str


class Fields(list):
    """An object: its names and values in order, none lost."""


def expected(data: bytes, suffix: str, fallback: str = "", declared=None) -> Outcome:
    """Return the result that a file must have; raises FileFailsError.

    `declared` is a `datasets.reference.Declared`: what the file's dataset asks of its records.
    """
    kind = suffix.lower().removesuffix(".gz")
    gzipped = suffix.lower().endswith(".gz")
    if kind in (".csv", ".tsv"):
        forced = declared.encoding if declared else ""
        text = _decoded(data, gzipped=gzipped, fallback=fallback, forced=forced)
        return _table(text, is_tsv=kind == ".tsv", declared=declared)
    text = _decoded(data, gzipped=gzipped, fallback=fallback)
    stripped = text.lstrip(JSON_SPACE)
    if stripped.startswith("[") and not _is_line_without_records(stripped):
        return _array(text, declared)
    if stripped.startswith("{") and _is_over_lines(stripped):
        objects = [one.strip(JSON_SPACE) for one in _objects(stripped)]
        return _all([(f"row {n}", one) for n, one in enumerate(objects, start=1)], declared)
    blank = text[: len(text) - len(stripped)].count("\n")
    lines = enumerate(stripped.split("\n"), start=1 + blank)
    return _all([(f"line {n}", line) for n, line in lines if line.strip(JSON_SPACE)], declared)


def output(line: bytes) -> list:
    """Return an output line in the form of `Outcome.records`, `_metadata` included."""
    return canonical(_parse(line.decode()))


# ---------------------------------------------------------------- bytes → text


def _decoded(data: bytes, *, gzipped: bool, fallback: str, forced: str = "") -> str:
    """Decode a file; invalid UTF-8 becomes lone low surrogates, which no valid text holds.

    So do bytes that the fallback does not have. It applies to files without a byte order mark.
    """
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data)
    elif gzipped and data:
        raise FileFailsError
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data[:2] == mark:
            try:
                text = data[2:].decode(encoding, errors="surrogatepass")
            except UnicodeDecodeError as error:
                raise FileFailsError from error
            # A lone surrogate is no character, so it is bad input like an invalid byte.
            return text.encode(errors="surrogatepass").decode(errors="surrogateescape")
    if data[:3] == b"\xef\xbb\xbf":
        return data[3:].decode(errors="surrogateescape")
    if forced:
        return data.decode(forced, errors="surrogateescape")
    text = data.decode(errors="surrogateescape")
    if fallback and _has_invalid_bytes(text):
        return data.decode(fallback, errors="surrogateescape")
    return text


def _unpacked(data: bytes) -> bytes:
    text = b""
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(data)
        except zlib.error as error:
            raise FileFailsError from error
        if not member.eof:
            raise FileFailsError
        data = member.unused_data.lstrip(b"\0")
    return text


def _size(text: str) -> int:
    return len(text.encode(errors="surrogateescape"))


def _has_invalid_bytes(text: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in text)


# ---------------------------------------------------------------- JSON


def _parse(text: str):
    return json.loads(
        text,
        parse_int=Number,
        parse_float=Number,
        parse_constant=Constant,
        object_pairs_hook=Fields,
    )


def _is_over_lines(text: str) -> bool:
    """Whether a file is objects over lines: not if its first line is an object or too long."""
    line, first = text.split("\n", maxsplit=1)[0], _objects(text)[0]
    if _size(line) > MAX_RECORD_BYTES or _is_value(line):
        return False
    return _size(first) <= MAX_RECORD_BYTES and _is_value(first)


def _objects(text: str) -> list[str]:
    """Cut a text at the line breaks that cannot be inside a JSON object."""
    begins, before, gap = [0], "", ""
    for at, char in enumerate(text):
        if char in JSON_SPACE:
            gap += char
            continue
        ends = before == "}" and char not in ',]}"'
        if "\n" in gap and before and (ends or (char == "{" and before not in ",:[")):
            begins.append(at)
        before, gap = char, ""
    return [text[begin:end] for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]


def _is_line_without_records(text: str) -> bool:
    """Whether the first of several lines is an array without objects."""
    line, _, rest = text.partition("\n")
    if _size(line) > MAX_RECORD_BYTES or not _is_value(line) or not rest.strip(JSON_SPACE):
        return False
    return not any(line[begin] == "{" for begin, _ in _tokens(line, 0))


def _is_value(text: str) -> bool:
    """Whether a text is JSON; one too deep to be read counts if its brackets close at its end."""
    if _broken(text) in ("too deep", "too many parts"):
        return _token_end(text, 0) == len(text.rstrip(JSON_SPACE))
    return not _broken(text)


def _broken(text: str) -> str:
    """Return the first reason why a text is not JSON within the limits; "" if it is."""
    if _size(text) > MAX_RECORD_BYTES:
        return "too long"
    if sum(text[begin] in "{[" for begin, _ in _tokens(text, 0)) + _colons(text) > MAX_RECORD_PARTS:
        return "too many parts"
    if _levels(text) > MAX_DEPTH:
        return "too deep"
    try:
        _parse(text)
    except ValueError:
        return "not JSON"
    return ""


def _tokens(text: str, at: int):
    """Yield (begin, end) of brackets, strings and words; end is None for an open string."""
    while at < len(text):
        begin, char = at, text[at]
        at += 1
        if char == '"':
            while at < len(text) and text[at] != '"':
                at += 2 if text[at] == "\\" else 1
            at += 1
            yield begin, at if at <= len(text) else None
        elif char in "{}[]":
            yield begin, at
        elif char not in JSON_SPACE + ",:":
            while at < len(text) and text[at] not in JSON_SPACE + ',:"{}[]':
                at += 1
            yield begin, at


def _colons(text: str) -> int:
    strings = sum(
        text.count(":", begin, end or len(text))
        for begin, end in _tokens(text, 0)
        if text[begin] == '"'
    )
    return text.count(":") - strings


def _levels(text: str) -> int:
    level = deepest = 0
    for begin, _ in _tokens(text, 0):
        level += {"{": 1, "[": 1, "}": -1, "]": -1}.get(text[begin], 0)
        deepest = max(deepest, level)
    return deepest


def _token_end(text: str, at: int) -> int | None:
    """Return where the value that begins at `at` ends; brackets of all kinds count alike."""
    level = 0
    for begin, end in _tokens(text, at):
        level += {"{": 1, "[": 1, "}": -1, "]": -1}.get(text[begin], 0)
        if level == 0:
            return end
    return None


def _all(texts: list, declared) -> Outcome:
    outcome = Outcome()
    for place, text in texts:
        problem = _broken(text)
        if problem:
            outcome.rejects.append((place, problem))
        else:
            _record(outcome, place, text, declared)
    return outcome


def _array(text: str, declared) -> Outcome:
    """Read an array. Elements that are not JSON break it, unless they are above the limits."""
    outcome, row = Outcome(), 1
    at = _after_space(text, text.index("[") + 1)
    closed = text[at : at + 1] == "]"
    while not closed:
        place = f"row {row}"
        end = _token_end(text, at) if text[at : at + 1] not in ("", *",:]}") else None
        if end is None or (end == len(text) and text[at] not in '{["'):
            raise FileFailsError(place)
        element = text[at:end]
        problem = _broken(element)
        if problem == "not JSON":
            raise FileFailsError(place)
        if problem:
            outcome.rejects.append((place, problem))
        else:
            _record(outcome, place, element, declared)
        at, row = _after_space(text, end), row + 1
        if text[at : at + 1] not in tuple(",]"):
            raise FileFailsError(f"row {row}")
        closed = text[at] == "]"
        if not closed:
            at = _after_space(text, at + 1)
    if text[at + 1 :].strip(JSON_SPACE):
        raise FileFailsError(f"row {row}")
    return outcome


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in JSON_SPACE:
        at += 1
    return at


def _record(outcome: Outcome, place: str, text: str, declared) -> None:
    value = _parse(text)
    problem = _problem(text, value)
    if problem:
        outcome.rejects.append((place, problem))
        return
    cleaned, renamed = _clean(declared.drop(value) if declared else value)
    if cleaned and declared:
        written, broken = declared.judge(cleaned)
        if broken:
            outcome.rejects.append((place, BREAKS))
            outcome.broken[place] = broken
            return
        cleaned = written
    outcome.renamed += renamed
    if cleaned:
        outcome.records.append(canonical(cleaned))
    else:
        outcome.empty += 1


def _problem(text: str, value) -> str:
    if _has_invalid_bytes(text):
        return "invalid UTF-8"
    scalars = list(_scalars(value))
    if any(isinstance(scalar, Constant) for scalar in scalars):
        return "not a number"
    if any(isinstance(s, str) and any("\ud800" <= c <= "\udfff" for c in s) for s in scalars):
        return "lone surrogate"
    return "" if isinstance(value, Fields) else "not an object"


def _children(value) -> list:
    if isinstance(value, Fields):
        return [child for _, child in value]
    return value if isinstance(value, list) else []


def _scalars(value):
    if isinstance(value, Fields):
        yield from (name for name, _ in value)
    if isinstance(value, list):
        for child in _children(value):
            yield from _scalars(child)
    else:
        yield value


# ---------------------------------------------------------------- cleaning


def _clean(value):
    """Return a value without the empties of its objects, and how many fields were renamed."""
    if not isinstance(value, list):
        return value, 0
    children = [_clean(child) for child in _children(value)]
    renamed = sum(count for _, count in children)
    if not isinstance(value, Fields):
        return [child for child, _ in children], renamed
    names, changed = distinct([name for name, _ in value])
    renamed += changed
    kept = Fields()
    for name, (child, _) in zip(names, children, strict=True):
        if child not in (None, "", []):
            kept.append((name, child))
    return kept, renamed


def distinct(raw: list[str]) -> tuple[list[str], int]:
    """First assign names to those that keep theirs; then give the others free ones, in order."""
    plain = [snake_case(name) for name in raw]
    names: list[str | None] = [None] * len(raw)
    for exactly in (True, False):
        for at, name in enumerate(plain):
            if name not in names and (raw[at] == name or not exactly):
                names[at] = name
    for at, name in enumerate(plain):
        number = 2
        while names[at] is None:
            if f"{name}_{number}" not in names:
                names[at] = f"{name}_{number}"
            number += 1
    return names, sum(name != wanted for name, wanted in zip(names, plain, strict=True))


def is_mark(char: str) -> bool:
    """Whether a character is a combining mark, which belongs to the letter before it."""
    return unicodedata.category(char) in ("Mn", "Mc", "Me")


def snake_case(name: str) -> str:
    """Read a name letter by letter, each with its marks, and split it where a word begins."""
    text: list[str] = []
    for char in unicodedata.normalize("NFKC", name):
        if text and is_mark(char):
            text[-1] += char
        else:
            text.append(char)
    words: list[str] = []
    for at, letter in enumerate(text):
        char = letter[0]
        before = text[at - 1][0] if at else " "
        after = text[at + 1][0] if at + 1 < len(text) else " "
        begins = char.isupper() and (
            before.islower() or before.isdigit() or (before.isupper() and after.islower())
        )
        if begins or not words:
            words.append("")
        words[-1] += letter
    kept = ""
    for char in unicodedata.normalize("NFKC", "_".join(words).lower()):
        belongs = is_mark(char) and kept[-1:] not in ("", " ")
        kept += char if char.isalnum() or belongs else " "
    return "_".join(kept.split()) or "field"


def canonical(value):
    """Return a form of a value that is equal exactly if digits and order are equal, too."""
    if isinstance(value, Fields):
        return ("object", [(name, canonical(child)) for name, child in value])
    if isinstance(value, list):
        return ("array", [canonical(child) for child in value])
    if isinstance(value, Number):
        return ("number", value.exact())
    return (type(value).__name__, value)


# ---------------------------------------------------------------- delimited text


def _table(text: str, *, is_tsv: bool, declared) -> Outcome:
    lines = _lines(text)
    first = _not_blank(lines, 0)
    outcome = Outcome()
    delimiter = (declared and declared.delimiter) or ("\t" if is_tsv else "")
    if first < len(lines) and (stated := _stated_delimiter(lines[first])):
        if stated not in DELIMITERS:
            raise FileFailsError(f"line {first + 1}")
        delimiter, first = stated, _not_blank(lines, first + 1)
    if first == len(lines):
        return outcome
    names, end = (declared.header, first) if declared and declared.header else ([], 0)
    if not delimiter:
        delimiter = _delimiter_of(lines[first]) if names else _delimiter(lines, first)
    if not names:
        names, end = _header(lines, first, delimiter, is_tsv=is_tsv)
    numbered = Fields((name, Number(str(at))) for at, name in enumerate(names))
    named, outcome.renamed = _clean(declared.drop(numbered) if declared else numbered)
    for number, cells, broken, raw in _rows(lines, end, delimiter, is_tsv=is_tsv):
        problem = _row_problem(raw, cells, len(names), broken)
        if problem:
            outcome.rejects.append((f"line {number}", problem))
        if problem or not raw.strip("\r\n"):
            continue
        record = Fields((n, cells[int(at.digits)]) for n, at in named if cells[int(at.digits)])
        if record:
            _row_record(outcome, f"line {number}", record, declared)
        else:
            outcome.empty += 1
    return outcome


def _row_record(outcome: Outcome, place: str, record: Fields, declared) -> None:
    broken = None
    if declared:
        record, broken = declared.judge_cells(record)
    if broken:
        outcome.rejects.append((place, BREAKS))
        outcome.broken[place] = broken
    else:
        outcome.records.append(canonical(record))


def _not_blank(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip("\r\n"):
        at += 1
    return at


def _stated_delimiter(line: str) -> str:
    """Return the X of a line `sep=X`, which may be quoted."""
    line = line.rstrip("\r\n")
    if len(line) == 7 and line[0] == line[-1] == '"':
        line = line[1:-1]
    return line[4] if len(line) == 5 and line[:4].lower() == "sep=" else ""


def _header(lines: list[str], first: int, delimiter: str, *, is_tsv: bool) -> tuple[list, int]:
    """Return the header's names and the number of the line after it."""
    cells, state, end = _row(lines, first, delimiter)
    raw = "".join(lines[first:end])
    if is_tsv and (state != "ended" or _size(raw.rstrip("\r\n")) > MAX_RECORD_BYTES):
        raw, state, end = lines[first], "ended", first + 1
        cells = raw.rstrip("\r\n").split(delimiter)
    broken = "broken quotes" if state != "ended" else ""
    problem = _row_problem(raw, cells, len(cells), broken) or "\0" in raw
    if problem or len(cells) > MAX_RECORD_PARTS:
        raise FileFailsError(f"line {first + 1}")
    return cells, end


def _row_problem(raw: str, cells: list[str], columns: int, broken: str) -> str:
    if _size(raw.rstrip("\r\n")) > MAX_RECORD_BYTES:
        return "too long"
    if broken or not raw.strip("\r\n"):
        return broken
    if len(cells) != columns:
        return "ragged"
    return "invalid UTF-8" if _has_invalid_bytes(raw) else ""


def _lines(text: str) -> list[str]:
    lines, line = [], ""
    for at, char in enumerate(text):
        line += char
        if char == "\n" or (char == "\r" and text[at + 1 : at + 2] != "\n"):
            lines.append(line)
            line = ""
    return [*lines, line] if line else lines


def _delimiter(lines: list[str], first: int) -> str:
    """Return the most frequent delimiter of the header outside quotes.

    A quote opens at the start of a field, after any of the delimiters.
    """
    counts = dict.fromkeys(DELIMITERS, 0)
    quoted, before = False, ","
    text = "".join(lines[first:])
    at = 0
    while at < len(text):
        char = text[at]
        if quoted and char == '"' and text[at + 1 : at + 2] == '"':
            at += 1
        elif quoted:
            quoted = char != '"'
        elif char == '"' and before in DELIMITERS:
            quoted = True
        elif char in "\r\n":
            break
        elif char in DELIMITERS:
            counts[char] += 1
        before = "x" if quoted else char
        at += 1
    if quoted or _size(text[:at]) > MAX_RECORD_BYTES:
        raise FileFailsError(f"line {first + 1}")
    return max(DELIMITERS, key=counts.__getitem__)


def _delimiter_of(line: str) -> str:
    """Return the most frequent delimiter of a line outside cells that are quoted within it."""
    counts, at = dict.fromkeys(DELIMITERS, 0), 0
    while at < len(line):
        end = at
        if line[at] == '"' and line[at - 1 : at] in ("", *DELIMITERS):
            end = at + 1
            while line[end : end + 1] not in ("", '"') or line[end : end + 2] == '""':
                end += 2 if line[end] == '"' else 1
        if end > at and end < len(line):
            at = end
        elif line[at] in DELIMITERS:
            counts[line[at]] += 1
        at += 1
    return max(DELIMITERS, key=counts.__getitem__)


def _rows(lines: list[str], at: int, delimiter: str, *, is_tsv: bool):
    """Yield (line, cells, problem, raw) by RFC 4180; a quote opens only at the start of a field.

    Text after a closing quote, other than a delimiter, a quote or the end, breaks the row. Each
    line of a broken row is then a row of its own; in a TSV its quotes are characters.
    """
    while at < len(lines):
        cells, state, end = _row(lines, at, delimiter)
        if state == "open" and not is_tsv:
            raise FileFailsError(f"line {at + 1}")
        if state == "ended":
            yield at + 1, cells, "", "".join(lines[at:end])
        else:
            for number in range(at, end):
                yield number + 1, *_line_alone(lines[number], delimiter, is_tsv), lines[number]
        at = end


def _line_alone(line: str, delimiter: str, is_tsv: bool) -> tuple[list[str], str]:
    cells, state, _ = _row([line], 0, delimiter)
    if state == "ended":
        return cells, ""
    return (line.rstrip("\r\n").split(delimiter), "") if is_tsv else ([], "broken quotes")


def _row(lines: list[str], at: int, delimiter: str) -> tuple[list[str], str, int]:
    """Return a row's cells, how it ends (ended, broken, open) and the line after it."""
    cells, cell, state = [], "", "start"
    while at < len(lines) and state not in ("ended", "broken"):
        for char in lines[at]:
            state, cell = _next_state(state, char, delimiter, cell, cells)
            if state in ("ended", "broken"):
                break
        at += 1
    if state == "broken":
        return cells, state, at
    return [*cells, cell], "open" if state == "quoted" else "ended", at


def _next_state(  # noqa: PLR0911 - one return for each transition
    state: str, char: str, delimiter: str, cell: str, cells: list
) -> tuple[str, str]:
    if state == "quoted":
        return ("closing", cell) if char == '"' else ("quoted", cell + char)
    if state == "closing" and char == '"':
        return "quoted", cell + char
    if char in "\r\n":
        return "ended", cell
    if char == delimiter:
        cells.append(cell)
        return "start", ""
    if state == "closing":
        return "broken", cell
    if state == "start" and char == '"':
        return "quoted", cell
    return "plain", cell + char
