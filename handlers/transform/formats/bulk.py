"""Reads many JSON texts at once: joins them to an array, and cuts it where one is odd. Pure."""

import secrets
from collections.abc import Callable
from typing import Any, Final

import orjson

from handlers.transform.formats.batch import Batch
from handlers.transform.records.encoder import RecordEncoder
from handlers.transform.records.json_text import BadRecordError

_SECRET_BITS: Final = 49  # at most 15 digits, too few to be checked as a long number
_TEXTS_A_CUT: Final = 32  # reading this many texts at once saves what a cut takes, measured
_CUTS: Final = 16  # of a block, so that a hostile one takes at most this many times as long
_FEWEST: Final = 8  # texts to read at once; fewer are read one by one


class OddTextError(Exception):
    """One of the texts must be read alone; `at` is its likely index, or None if unknown."""

    def __init__(self, at: int | None) -> None:
        super().__init__(at)
        self.at = at


def secret_number() -> int:
    """Return a number that nobody can guess, to put between the texts of two records.

    Two broken texts joined by a comma alone could be valid together. With the number between them,
    each must be one whole value.
    """
    return secrets.randbits(_SECRET_BITS)


class Bulk:
    """Encodes the records of many texts at once."""

    def __init__(
        self,
        encoder: RecordEncoder,
        read_one: Callable[[bytes, int, RecordEncoder, Batch], None],
        reject: Callable[[bytes, int, BadRecordError, Batch], None],
    ) -> None:
        """`read_one` reads one text, given its number, into a batch; `reject` rejects it."""
        self._encoder = encoder
        self._read_one, self._reject = read_one, reject
        self._secret = secret_number()
        self.joint = b",%d," % self._secret

    def encode(self, joined: bytes, count: int, number: int, batch: Batch) -> None:
        """Add the records of `count` texts joined by `joint`; `number` is that of the first.

        Raises OddTextError if one is odd.
        """
        array = b"[%b]" % joined
        try:
            values: list[Any] = orjson.loads(array)
        except orjson.JSONDecodeError as error:
            raise OddTextError(self._stop(array, error)) from error
        whole = len(values) == 2 * count - 1 and values[1::2] == [self._secret] * (count - 1)
        encoded = self._encoder.encode(values, array, step=2) if whole else None
        if not encoded:
            raise OddTextError(self._first_odd(values))
        batch.add(encoded)
        if encoded.left_out:
            texts = joined.split(self.joint)
            for at, error in encoded.left_out:
                self._reject(texts[at], number + at, error, batch)

    def read(self, texts: list[bytes], number: int, batch: Batch, odd: int | None) -> None:
        """Add the records of texts in which `encode` found an odd one, which is read alone.

        `odd` is its index, if known; `number` is that of the first text. The index may be wrong:
        the texts that are read at once are proved again. If odd texts are dense, all are read
        alone.
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
                self.encode(joined, len(part), number + part.start, batch)
            except OddTextError as error:
                is_dense = error.at is None or part.start + error.at < cuts * _TEXTS_A_CUT
                parts += _cut(part, None if is_dense else error.at)
                cuts += 1

    def _first_odd(self, values: list[Any]) -> int | None:
        """Return the index of the first text that is not one object; None if all are."""
        ends = [*values[1::2], self._secret]
        texts = enumerate(zip(values[::2], ends, strict=False))
        odd = (at for at, (value, end) in texts if type(value) is not dict or end != self._secret)
        return next(odd, None)

    def _stop(self, array: bytes, error: orjson.JSONDecodeError) -> int | None:
        """Return the index of the text at which the parser stopped; None if that tells nothing.

        The parser reports a character, not a byte. A stop at the end tells nothing: if a text
        leaves an array open, the texts after it are parsed as elements of that array.
        """
        if error.doc:
            if error.pos == len(error.doc):
                return None
            # It may be the last comma of a joint; then the text after it is odd.
            return error.doc.count(self.joint.decode(), 0, error.pos + 1)
        try:
            array.decode()  # orjson refuses invalid UTF-8 without a position
        except UnicodeDecodeError as problem:
            return array.count(self.joint, 0, problem.start)
        return None


def _cut(texts: range, odd: int | None) -> list[range]:
    """Return parts of texts, last part first: texts before the odd one, that one, texts after it.

    The text before the odd one stays with it: if it is the broken one, in a string, the parser only
    stops in the next text. If no index is known, each text is a part.
    """
    if odd is None:
        return [texts[at : at + 1] for at in reversed(range(len(texts)))]
    begin = max(0, odd - 1)
    return [texts[odd + 1 :], texts[begin : odd + 1], texts[:begin]]
