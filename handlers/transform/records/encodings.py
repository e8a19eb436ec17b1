"""What a text that is not UTF-8 may be instead. Pure."""

import re
from typing import Final

_HINTED: Final = "cp1252"  # what most files that are not UTF-8 are in; it holds Latin-1
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
# An accented letter or a typographic sign stands alone or with one more; other alphabets, and the
# encodings of Chinese and Japanese, give longer runs.
_MOST_BESIDE: Final = 2


def utf8_problem(raw: bytes) -> str:
    """Return what is wrong with a text as UTF-8, with a hint at what it may be; "" if nothing."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"invalid UTF-8 at byte {error.start}, {_hint(raw)}"
    return ""


def _hint(raw: bytes) -> str:
    characters = raw.decode(errors="surrogateescape")
    is_mixed = any(char > "\x7f" and not "\udc80" <= char <= "\udcff" for char in characters)
    if is_mixed or max(map(len, _HIGH.findall(raw))) > _MOST_BESIDE or not _is_hinted(raw):
        return "maybe another encoding"
    return "maybe Windows-1252"


def _is_hinted(raw: bytes) -> bool:
    try:
        raw.decode(_HINTED)
    except UnicodeDecodeError:
        return False
    return True
