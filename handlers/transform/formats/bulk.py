"""Many JSON texts at once: joined to one array, and cut where one of them is odd. Pure."""

import secrets
from collections.abc import Callable
from typing import Any, Final

import orjson

from handlers.transform.formats.batch import Batch
from handlers.transform.records.encoder import RecordEncoder

_MARK_BITS: Final = 49  # at most 15 digits, which a look for long numbers passes over
_TEXTS_A_CUT: Final = 32  # what a cut takes is saved by so many texts at once, measured
_CUTS: Final = 16  # of a block: a hostile one may take so much more time
_FEWEST: Final = 8  # texts to read at once


class OddTextError(Exception):
    """One of the texts has to be read alone; `at` is most likely its place among them, if known."""

    def __init__(self, at: int | None) -> None:
        super().__init__(at)
        self.at = at


def secret_mark() -> int:
    """Return a number that nobody can guess, to stand between the texts of two records.

    Texts joined by a comma alone could be broken each and valid together; with the number between
    them each must be one whole value.
    """
    return secrets.randbits(_MARK_BITS)


class Bulk:
    """Encodes the records of many texts at once."""

    def __init__(
        self,
        encoder: RecordEncoder,
        read_one: Callable[[bytes, int, RecordEncoder, Batch], None],
    ) -> None:
        """`read_one` reads a text that is odd, of such a number, into a batch."""
        self._encoder = encoder
        self._read_one = read_one
        self._mark = secret_mark()
        self.joint = b",%d," % self._mark

    def encode(self, joined: bytes, count: int, batch: Batch) -> None:
        """Add the records of so many texts with `joint` between them; raise OddTextError."""
        array = b"[%b]" % joined
        try:
            values: list[Any] = orjson.loads(array)
        except orjson.JSONDecodeError as error:
            raise OddTextError(self._stop(array, error)) from error
        whole = len(values) == 2 * count - 1 and values[1::2] == [self._mark] * (count - 1)
        encoded = self._encoder.encode(values, array, step=2) if whole else None
        if not encoded:
            odd = (at for at, value in enumerate(values[::2]) if type(value) is not dict)
            raise OddTextError(next(odd, None))
        batch.add(encoded)

    def read(self, texts: list[bytes], number: int, batch: Batch, odd: int | None) -> None:
        """Add the records of texts of which `encode` found one odd: that alone, others at once.

        `odd` is its place, if known; `number` is that of the first text. Where the parser stopped
        is a hint, no more: whatever is read at once is proved by itself. Where odd texts are dense,
        all are read alone.
        """
        parts, cuts = _cut(range(len(texts)), odd), 1
        while parts:
            part = parts.pop()
            if len(part) < _FEWEST or cuts == _CUTS:
                for at in part:
                    self._read_one(texts[at], number + at, self._encoder, batch)
                continue
            joined = self.joint.join(texts[part.start : part.stop])
            try:
                self.encode(joined, len(part), batch)
            except OddTextError as error:
                is_dense = error.at is None or part.start + error.at < cuts * _TEXTS_A_CUT
                parts += _cut(part, None if is_dense else error.at)
                cuts += 1

    def _stop(self, array: bytes, error: orjson.JSONDecodeError) -> int | None:
        """Return in which text the parser stopped, if that tells which is odd.

        It says at which character, not byte. At the end it tells nothing: an array that some text
        leaves open has taken all behind it for its elements.
        """
        if error.doc:
            if error.pos == len(error.doc):
                return None
            # It may be the last comma of a joint, which is the fault of the text behind it.
            return error.doc.count(self.joint.decode(), 0, error.pos + 1)
        try:
            array.decode()  # what is not UTF-8 it refuses as a whole
        except UnicodeDecodeError as problem:
            return array.count(self.joint, 0, problem.start)
        return None


def _cut(texts: range, odd: int | None) -> list[range]:
    """Return parts of texts, the last first: those before an odd one, that one, those behind.

    The one before goes with it: where that is broken in a string, the parser stops only behind. If
    none is known to be odd, each is a part.
    """
    if odd is None:
        return [texts[at : at + 1] for at in reversed(range(len(texts)))]
    begin = max(0, odd - 1)
    return [texts[odd + 1 :], texts[begin : odd + 1], texts[:begin]]
