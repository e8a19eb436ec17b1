"""Reads the dataset that `transform` holds records to."""

from pathlib import Path

from handlers.transform.datasets.dataset import Dataset
from infra.datasets import files
from local.commands.problems import UsageError


def read_dataset(file: Path) -> Dataset:
    """Return the dataset of a file, checked; UsageError lists every problem of it."""
    if file.is_dir():
        msg = f"--dataset {file} is a folder, allowed: the file of one dataset"
        raise UsageError(msg)
    try:
        ((name, content),) = files.load(file).items()
    except files.DeclarationError as error:
        raise UsageError(str(error)) from error
    return Dataset.read(name, content)
