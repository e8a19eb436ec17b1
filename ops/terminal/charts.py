"""Bar charts of plain characters. Pure."""

import math
from collections.abc import Sequence
from typing import Final

_BAR: Final = "█"
_ASCII_BAR: Final = "#"  # for terminals whose encoding lacks the other
# A label takes at most this part of the width.
_LABELS: Final = 0.4
_NULL: Final = "-"
_GAPS: Final = 2  # spaces: behind the label, and behind the bar


def bars(
    labels: Sequence[str], values: Sequence[float | None], *, width: int, encoding: str = "utf-8"
) -> list[str]:
    """Return a line for each label: the label, its bar, and its value.

    The longest bar fills what the labels and the values leave of `width`, in characters; bars of
    negative values go to the left of the others' start. None, and what is no finite number, has no
    bar.
    """
    texts = [_told(value) for value in values]
    room = max(int(width * _LABELS), 1)
    names = [_fitted(label, room) for label in labels]
    side, told = max(map(len, names), default=0), max(map(len, texts), default=0)
    finite = [value if value is not None and math.isfinite(value) else 0.0 for value in values]
    least, most = min([0.0, *finite]), max([0.0, *finite])
    space = max(width - side - told - _GAPS, 1)
    # Divided first: with the tiniest numbers a scale would be infinite.
    span = (most - least) or 1
    left = min(round(-least / span * space), space - 1)
    bar = _BAR if _has(encoding, _BAR) else _ASCII_BAR
    lines: list[str] = []
    for name, value, text in zip(names, finite, texts, strict=True):
        length = (round(abs(value) / span * space) or 1) if value else 0
        start = max(left - length, 0) if value < 0 else left
        drawn = " " * start + bar * min(length, space - start)
        lines.append(f"{name:<{side}} {drawn} {text}".rstrip())
    return lines


def _told(value: float | None) -> str:
    """Return a number as text: whole numbers as such, others with ten digits that count."""
    if value is None:
        return _NULL
    if not math.isfinite(value):
        return str(value)
    return f"{value:.0f}" if value == int(value) else f"{value:.10g}"


def _fitted(label: str, room: int) -> str:
    return label if len(label) <= room else f"{label[: room - 1]}…"


def _has(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
