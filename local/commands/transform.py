"""Write what the processor would write for a local file, without AWS and as a stream."""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from handlers import __version__, keys
from handlers.aws.failures import PermanentError
from handlers.delivery.chunks import Chunk
from handlers.delivery.progress import Progress, check_rejects
from handlers.delivery.staging import CHUNK_BYTES
from handlers.transform.datasets.dataset import Dataset, allowed_percent
from handlers.transform.expansion import check_expansion
from handlers.transform.files import is_utf8, record_encoder, transform
from handlers.transform.formats.batch import BadFileError
from handlers.transform.records.encoder import metadata_tail

_READ_BYTES: Final = 256 * 1024

Report = Callable[[int], None]
Write = Callable[[bytes], object]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The settings of a stack that the transform needs, and the dataset of the files, if any."""

    environment: str
    max_rejected_percent: float
    compressed: bool
    max_expansion: int
    fallback_encoding: str | None = None
    dataset: Dataset | None = None


def transform_file(
    source: Path,
    output: Path | None,
    rejects: Path | None,
    rules: Rules,
    *,
    now: datetime,
    report: Report,
    suffix: str | None = None,
) -> Progress:
    """Write a file's records to `output`, or to standard output, and return the counts.

    The rejected records go to `rejects`, one JSON line each. Both files appear only if the whole
    file is good. `report` is called with the number of bytes read so far. `suffix` is the suffix of
    the format, for a file whose name does not count. With a fallback encoding the file is read
    twice, since what is written to standard output cannot be undone.

    Raises:
        PermanentError: The file would be a dead letter.
        OSError: A file cannot be read or written.
    """
    suffix = suffix or keys.data_suffix(source.name)
    if not suffix:
        allowed = " ".join(keys.SUFFIXES)
        msg = f"unknown suffix: {source.name!r}, allowed: {allowed}, each with or without .gz"
        raise PermanentError(msg)
    tail = metadata_tail(
        processed_at=now, environment=rules.environment, processor_version=__version__
    )
    encoder = record_encoder(tail, rules.dataset)
    progress = Progress(processed_at=now, encoding=_encoding(source, suffix, rules, report))
    with ExitStack() as files:
        write = files.enter_context(_opened(output)) if output else sys.stdout.buffer.write
        reject = files.enter_context(_opened(rejects)) if rejects else len
        chunk = Chunk(compressed=rules.compressed)
        try:
            blocks = _reader(source, report)
            for batch in transform(blocks, suffix, encoder, encoding=progress.encoding):
                size = chunk.add(batch)
                progress = progress.after(batch, renamed=encoder.renamed, size=size)
                _check_expansion(progress, source, rules)
                if chunk.size >= CHUNK_BYTES:
                    chunk = _flush(chunk, write, reject, rules)
        except BadFileError as error:
            raise PermanentError(error.reason, error.place) from error
        check_rejects(progress, allowed_percent(rules.dataset, rules.max_rejected_percent))
        _flush(chunk, write, reject, rules)
    sys.stdout.buffer.flush()
    return progress


def _check_expansion(progress: Progress, source: Path, rules: Rules) -> None:
    if source.is_file():  # a pipe's size is unknown
        check_expansion(
            progress.output_bytes,
            source_bytes=source.stat().st_size,
            max_expansion=rules.max_expansion,
        )


def _encoding(source: Path, suffix: str, rules: Rules, report: Report) -> str:
    """Return the encoding to read a file with: the fallback if it is not UTF-8, else "".

    That of a dataset's delimited files comes before it, and the transform knows it.
    """
    own = rules.dataset.csv.encoding if rules.dataset else ""
    if not rules.fallback_encoding or (own and keys.is_delimited(suffix)):
        return ""
    with suppress(BadFileError):  # the transform will raise it again
        if not is_utf8(_reader(source, report), suffix):
            return rules.fallback_encoding
    return ""


def _flush(chunk: Chunk, write: Write, reject: Write, rules: Rules) -> Chunk:
    lines, rejects = chunk.close()
    write(lines)
    reject(rejects)
    return Chunk(compressed=rules.compressed)


def _reader(path: Path, report: Report) -> Callable[[int], Iterator[bytes]]:
    def read(offset: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(offset)
            while block := file.read(_READ_BYTES):
                offset += len(block)
                report(offset)
                yield block

    return read


@contextmanager
def _opened(path: Path) -> Generator[Write]:
    """Give a function that writes; the file appears once everything is written."""
    path = path.resolve()  # replace the target of a link, not the link
    if path.exists() and not path.is_file():
        with path.open("wb") as device:  # /dev/null or a named pipe; a folder raises OSError
            yield device.write
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file.write
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename == str(part):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
