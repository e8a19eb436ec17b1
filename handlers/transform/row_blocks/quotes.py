"""What stands in quotes, taken out of a block of delimited text and put back. Pure."""

from typing import Final, NamedTuple

QUOTE: Final = b'"'
# Control characters, which never stand in a text in which they are escaped.
MARK: Final = b"\x1e"  # stands for what was in quotes
_SEPARATOR: Final = b"\x1f"
_FEW: Final = 0.25  # pairs of quotes for each content: joined one by one, more would take longer


class Unquoted(NamedTuple):
    """A text with a `MARK` for each of the contents, which stood in quotes there."""

    text: bytes
    contents: list[bytes]  # escaped, but for breaks and the delimiter


def take_out(text: bytes) -> Unquoted:
    """Return a text, with an even number of quotes, without what stands in them.

    Two quotes within quotes are one, which is escaped then. Backslashes and control characters are
    escaped already, but for breaks and the delimiter. Quotes need not stand around whole cells:
    that is for `put_back` to see.
    """
    pieces = text.split(QUOTE)
    outside, contents = pieces[::2], pieces[1::2]
    if pairs := outside[1:-1].count(b""):
        if pairs < _FEW * len(contents):
            _join_each(outside, contents, pairs)
        else:
            outside, contents = _joined(pieces, outside)
    return Unquoted(MARK.join(outside), contents)


def _join_each(outside: list[bytes], contents: list[bytes], pairs: int) -> None:
    """Make one of two contents that have nothing between them, so many times."""
    at = 1
    for _ in range(pairs):
        at = outside.index(b"", at)
        del outside[at]
        contents[at - 1 : at + 1] = [rb"\"".join(contents[at - 1 : at + 1])]


def _joined(pieces: list[bytes], outside: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Do the same for all of them at once."""
    between = outside[1:-1]
    pieces[2:-1:2] = [_SEPARATOR if piece else rb"\"" for piece in between]
    contents = b"".join(pieces[1:-1]).split(_SEPARATOR)
    return [outside[0], *filter(None, between), outside[-1]], contents


def put_back(cells: list[bytes], contents: list[bytes]) -> bool:
    """Replace the marks among the cells of an unquoted text by what was in quotes.

    Returns False, with some replaced, if quotes stood within a cell rather than around it.
    """
    find, at = cells.index, -1
    try:
        for content in contents:
            at = find(MARK, at + 1)
            cells[at] = content
    except ValueError:
        return False
    return True


def even_end(text: bytes) -> int:
    """Return where the last line ends that has an even number of quotes before it.

    Before the end of the last line it is odd.
    """
    end, is_odd = len(text), True
    while is_odd and end:
        before = text.rfind(b"\n", 0, text.rfind(QUOTE, 0, end)) + 1
        is_odd ^= text.count(QUOTE, before, end) % 2
        end = before
    return end
