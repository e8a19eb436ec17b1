"""Reads the dataset that `transform` holds records to."""

from handlers.transform.datasets.dataset import Dataset
from infra.datasets import files, lookup
from local.commands.problems import UsageError


def read_dataset(name: str) -> Dataset:
    """Return the dataset of a name or a file, checked; UsageError lists every problem of it."""
    try:
        return lookup.find(name)
    except (lookup.NoDatasetError, files.DeclarationError) as error:
        raise UsageError(str(error)) from error
