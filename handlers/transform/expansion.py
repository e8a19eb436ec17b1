"""How much a file may grow: what is packed, or is rows of one byte, may become terabytes. Pure."""

from typing import Final

from handlers.transform.formats.batch import BadFileError

# Less than this is no harm, whatever it came from.
_ALWAYS_ALLOWED_BYTES: Final = 64 * 1024 * 1024


class ExpansionError(BadFileError):
    """The output is too large for its source."""


def check_expansion(output_bytes: int, *, source_bytes: int, max_expansion: int) -> None:
    """Raise ExpansionError if an output, its rejects included, is too large for its source.

    `output_bytes` counts before compression, which would hide what it took to make them.
    """
    if output_bytes <= max(max_expansion * source_bytes, _ALWAYS_ALLOWED_BYTES):
        return
    msg = f"{source_bytes} bytes become more than {output_bytes} bytes of output, allowed: "
    msg += f"{max_expansion} times as many (maxExpansion), and always {_ALWAYS_ALLOWED_BYTES}"
    raise ExpansionError(msg)
