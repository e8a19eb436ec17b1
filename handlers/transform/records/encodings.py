"""Describes invalid UTF-8 and guesses its encoding. Pure."""

import re
from typing import Final

_HINTED: Final = "cp1252"  # most files that are not UTF-8; it has the letters of Latin-1
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
# Accented letters and typographic signs come in runs of one or two bytes. Other alphabets, and the
# encodings of Chinese and Japanese, make longer runs.
_MOST_BESIDE: Final = 2


def utf8_problem(raw: bytes) -> str:
    """Return what makes a text invalid UTF-8, with a guess at its encoding; "" if it is valid."""
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
