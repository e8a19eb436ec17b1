"""Find the files that `transform` reads, and the files or folders that it writes."""

import shutil
import sys
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from handlers import keys
from local.commands.problems import UsageError

STANDARD_INPUT: Final = "-"
_STANDARD_NAME: Final = "stdin"  # of its output in a folder
FORMATS: Final = tuple(
    f"{suffix}{gzip}".removeprefix(".") for suffix in keys.SUFFIXES for gzip in ("", ".gz")
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file to transform.

    Attributes:
        name: The file's name in messages.
        source: The file to read; None for standard input.
        suffix: The suffix of its format, if that is given; None to go by the file's name.
        output: The file to write; None for standard output.
        rejects: The file for rejected records; None to drop them.
    """

    name: str
    source: Path | None
    suffix: str | None
    output: Path | None
    rejects: Path | None


def plan(
    given: Sequence[str],
    *,
    output: Path | None,
    rejects: Path | None,
    format_name: str | None,
    compressed: bool,
) -> list[Job]:
    """Return a job for each given file, and for each file in a given folder.

    For a single file, `output` and `rejects` are files, or folders that exist. For a folder or
    several files they are folders: an output has the path that its file has in the given folder,
    with the suffix of the processor's outputs. Hidden files in a folder are left out, and so are
    files in the folders of the outputs.

    Raises UsageError that names every file which is missing or would be written twice.
    """
    suffix = _suffix(given, format_name)
    problems = [
        f"{one} does not exist, allowed: a file, a folder, or {STANDARD_INPUT}"
        for one in given
        if one != STANDARD_INPUT and not Path(one).exists()
    ]
    _refuse(problems)
    several = len(given) > 1 or (given[0] != STANDARD_INPUT and Path(given[0]).is_dir())
    folders = [one for one in (output, rejects) if one and (several or one.is_dir())]
    _refuse([problem for one in (output, rejects) if one for problem in _place(one, folders)])
    jobs = [
        Job(
            name=name,
            source=source,
            suffix=suffix,
            output=_written(output, folders, path, ".json.gz" if compressed else ".json"),
            rejects=_written(rejects, folders, path, ".ndjson"),
        )
        for name, source, path in _found(given, folders)
    ]
    _refuse(list(_clashes(jobs)) if jobs else [_empty(given)])
    return jobs


@contextmanager
def opened(job: Job) -> Generator[Path]:
    """Give the path of a job's input; standard input is copied to a file first.

    A file may have to be read twice, and a pipe can be read only once.
    """
    if job.source is not None:
        yield job.source
        return
    with tempfile.NamedTemporaryFile(prefix="standard-input-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)


def _suffix(given: Sequence[str], format_name: str | None) -> str | None:
    if format_name is not None and format_name not in FORMATS:
        msg = f"--format is {format_name!r}, allowed: {' '.join(FORMATS)}"
        raise UsageError(msg)
    if STANDARD_INPUT in given and format_name is None:
        msg = f"{STANDARD_INPUT} has no suffix, allowed: with --format {'|'.join(FORMATS)}"
        raise UsageError(msg)
    if given.count(STANDARD_INPUT) > 1:
        msg = f"{STANDARD_INPUT} is given {given.count(STANDARD_INPUT)} times, allowed: once"
        raise UsageError(msg)
    return f".{format_name}" if format_name else None


def _found(
    given: Iterable[str], folders: Sequence[Path]
) -> Iterator[tuple[str, Path | None, PurePosixPath]]:
    """Yield each file's name, its path, and its path below the given folder."""
    for one in given:
        path = Path(one)
        if one == STANDARD_INPUT:
            yield "standard input", None, PurePosixPath(_STANDARD_NAME)
        elif path.is_dir():
            for file in sorted(path.rglob("*")):
                below = file.relative_to(path)
                if file.is_file() and not _is_left_out(file, below, path, folders):
                    yield str(file), file, PurePosixPath(below.as_posix())
        else:
            yield one, path, PurePosixPath(path.name)


def _is_left_out(file: Path, below: Path, root: Path, folders: Sequence[Path]) -> bool:
    if any(part.startswith(".") for part in below.parts):
        return True
    inner = [one.resolve() for one in folders if one.resolve() != root.resolve()]
    return any(file.resolve().is_relative_to(one) for one in inner)


def _written(
    place: Path | None, folders: Sequence[Path], path: PurePosixPath, ending: str
) -> Path | None:
    if not place or place not in folders:
        return place
    return place / f"{str(path).removesuffix(keys.data_suffix(path.name))}{ending}"


def _clashes(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield a problem for each file that would be written twice, or both read and written."""
    taken = {job.source.resolve(): job.name for job in jobs if job.source}
    for job in jobs:
        for place in (job.output, job.rejects):
            # A device, /dev/null say, may be named twice.
            if not place or (place.exists() and not place.is_file()):
                continue
            if other := taken.get(place.resolve()):
                both = " and ".join(dict.fromkeys((other, job.name)))
                yield f"{place} is named twice, for {both}, allowed: a file of its own for each"
            taken[place.resolve()] = job.name


def _place(place: Path, folders: Sequence[Path]) -> Iterator[str]:
    """Yield the problems with an output's path."""
    if place in folders and place.exists() and not place.is_dir():
        yield f"{place} is a file, allowed: a folder, since several files are transformed"
    if place not in folders and not place.resolve().parent.is_dir():
        yield f"{place.resolve()}: its folder does not exist, allowed: one that does"


def _empty(given: Sequence[str]) -> str:
    return f"{' '.join(given)} holds no file, allowed: a folder with files that are not hidden"


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise UsageError("; ".join(problems))
