"""Limits how much larger than its source an output may be. Pure.

A small file that is compressed, or has rows of one byte, may expand to terabytes.
"""

from typing import Final

from handlers.transform.formats.batch import BadFileError

# An output of up to this size is harmless, however small its source.
_ALWAYS_ALLOWED_BYTES: Final = 64 * 1024 * 1024


class ExpansionError(BadFileError):
    """The output is too large for its source."""


def check_expansion(output_bytes: int, *, source_bytes: int, max_expansion: int) -> None:
    """Raise ExpansionError if an output, its rejects included, is too large for its source.

    `output_bytes` is the size before compression, which would hide how much was written.
    """
    if output_bytes <= max(max_expansion * source_bytes, _ALWAYS_ALLOWED_BYTES):
        return
    msg = f"{source_bytes} bytes become more than {output_bytes} bytes of output, allowed: "
    msg += f"{max_expansion} times as many (maxExpansion), and always {_ALWAYS_ALLOWED_BYTES}"
    raise ExpansionError(msg)
