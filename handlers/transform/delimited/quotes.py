"""Takes quoted contents out of a block of delimited text, and puts them back as cells. Pure."""

from typing import Final, NamedTuple

QUOTE: Final = b'"'
# Control characters: a text in which they are escaped never holds them.
PLACEHOLDER: Final = b"\x1e"  # replaces quotes and their contents
_SEPARATOR: Final = b"\x1f"
_FEW: Final = 200  # doubled quotes; joining more of them one by one takes longer, measured


class Unquoted(NamedTuple):
    """A text with a `PLACEHOLDER` for each quoted run, and the contents of those runs."""

    text: bytes
    contents: list[bytes]  # escaped, except line breaks and the delimiter


def take_out(text: bytes) -> Unquoted:
    """Take the quoted contents out of a text with an even number of quotes.

    A doubled quote within quotes becomes one escaped quote. Backslashes and control characters are
    escaped already, except line breaks and the delimiter. The quotes need not be around whole
    cells: `put_back` checks that.
    """
    runs = text.split(QUOTE)
    outside, contents = runs[::2], runs[1::2]
    if pairs := outside[1:-1].count(b""):
        if pairs <= _FEW:
            _join_each(outside, contents, pairs)
        else:
            outside, contents = _joined(runs, outside)
    return Unquoted(PLACEHOLDER.join(outside), contents)


def _join_each(outside: list[bytes], contents: list[bytes], pairs: int) -> None:
    """Join two contents with nothing between them, `pairs` times."""
    at = 1
    for _ in range(pairs):
        at = outside.index(b"", at)
        del outside[at]
        contents[at - 1 : at + 1] = [rb"\"".join(contents[at - 1 : at + 1])]


def _joined(runs: list[bytes], outside: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Join all contents with nothing between them, at once."""
    between = outside[1:-1]
    runs[2:-1:2] = [_SEPARATOR if run else rb"\"" for run in between]
    contents = b"".join(runs[1:-1]).split(_SEPARATOR)
    return [outside[0], *filter(None, between), outside[-1]], contents


def put_back(cells: list[bytes], contents: list[bytes]) -> bool:
    """Replace the placeholders among the cells of an unquoted text with the quoted contents.

    Returns False, with some replaced, if quotes were inside a cell instead of around it.
    """
    find, at = cells.index, -1
    try:
        for content in contents:
            at = find(PLACEHOLDER, at + 1)
            cells[at] = content
    except ValueError:
        return False
    return True


def even_end(text: bytes) -> int:
    """Return the last line end with an even number of quotes before it; 0 if there is none.

    `text` ends with a line, and has an odd number of quotes.
    """
    end, is_odd = len(text), True
    while is_odd and end:
        before = text.rfind(b"\n", 0, text.rfind(QUOTE, 0, end)) + 1
        is_odd ^= text.count(QUOTE, before, end) % 2
        end = before
    return end
