"""The files that `smoke` sends: each format, plain and gzip, with the output that it becomes.

No record is bad, so that they pass with `maxRejectedPercent` 0.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_GZIP: Final = ".gz"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A file, and the output's lines without their `_metadata`, which comes last in each."""

    name: str
    body: bytes
    lines: tuple[bytes, ...]


# Cleaned: names in snake_case, empty values gone at every depth, 0 and false kept, digits exact.
_ADA: Final = b'{"user_name":"Ada","nested":{"kept":0},"big":12345678901234567890123}'
_BEN: Final = b'{"user_name":"Ben","ok":false}'
_JSON_ADA: Final = (
    b'{"userName":"Ada","empty":"","nested":{"none":null,"kept":0},"big":12345678901234567890123}'
)
_JSON_BEN: Final = b'{"userName":"Ben","ok":false,"list":[]}'
_CELLS: Final = (b'{"user_name":"Ada","city":"Z\xc3\xbcrich, CH"}', b'{"user_name":"Ben"}')

_PLAIN: Final = (
    Sample(name="object.json", body=_JSON_ADA, lines=(_ADA,)),
    Sample(name="array.json", body=b"[%s,%s]" % (_JSON_ADA, _JSON_BEN), lines=(_ADA, _BEN)),
    Sample(name="lines.ndjson", body=b"%s\n%s\n" % (_JSON_ADA, _JSON_BEN), lines=(_ADA, _BEN)),
    Sample(
        name="table.csv",
        body=b'User Name,City\nAda,"Z\xc3\xbcrich, CH"\nBen,\n',
        lines=_CELLS,
    ),
    Sample(
        name="columns.tsv",
        body=b"User Name\tCity\nAda\tZ\xc3\xbcrich, CH\nBen\t\n",
        lines=_CELLS,
    ),
)


def samples() -> Iterator[Sample]:
    """Yield every sample, plain and then gzip, each with a stem of its own: no outputs collide."""
    for sample in _PLAIN:
        yield sample
        stem, _, suffix = sample.name.partition(".")
        yield Sample(
            name=f"{stem}-gzip.{suffix}{_GZIP}",
            body=gzip.compress(sample.body, mtime=0),
            lines=sample.lines,
        )
