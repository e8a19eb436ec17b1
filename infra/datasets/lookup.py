"""Find one dataset by its name, or by its file."""

from pathlib import Path

from handlers.transform.datasets.dataset import Dataset
from infra.datasets import files
from infra.datasets.files import DEFAULT_FOLDER, SUFFIXES


class NoDatasetError(Exception):
    """A name or a path is not that of a dataset; the message names those that there are."""


def find(name: str) -> Dataset:
    """Return the dataset of a name in `datasets/`, or of a file; it is checked.

    Raises NoDatasetError if there is none, DeclarationError with every problem of its declaration.
    """
    path = Path(name)
    if is_name := "/" not in name and path.suffix not in SUFFIXES:
        path = _file(Path(DEFAULT_FOLDER), name)
    if path.is_dir():
        msg = f"{path} is a folder, allowed: the name or the file of a dataset"
        raise NoDatasetError(msg)
    if not path.exists():
        have = ", ".join(_names(path.parent)) or "none"
        told = f"dataset {name!r}" if is_name else str(path)
        msg = f"there is no {told}; the datasets in {path.parent}/ are: {have}"
        raise NoDatasetError(msg)
    ((called, content),) = files.load(path).items()
    return Dataset.read(called, content)


def _file(folder: Path, name: str) -> Path:
    found = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
    return next((it for it in found if it.exists()), found[0])


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(it.stem for it in folder.iterdir() if it.suffix in SUFFIXES)
