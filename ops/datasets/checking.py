"""Tells what the processor would reject of local files under a dataset."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from handlers.transform.datasets.dataset import Dataset, allowed_percent
from handlers.transform.files import record_encoder, transform
from handlers.transform.formats.batch import BadFileError, Batch, Reject
from ops.datasets.samples import LINE_END, data_suffix, source
from ops.terminal.problems import UsageError

# The place in an array does not matter to how often a rule is broken.
_INDEX: Final = re.compile(r"\[[0-9]+\]")
# Fields and rules that are counted apart; a field's name may be anything.
_MOST_RULES: Final = 1_000
_ALL: Final = 100


@dataclass(kw_only=True)
class Checked:
    """What the processor would make of a file.

    Attributes:
        file: the file.
        allowed_percent: how many of its records may be rejected.
        written: how many records would be written.
        empty: how many records are empty, and would be left out.
        rejected: how many records would be rejected.
        rejects: the first of those.
        rules: how many records break each rule, by its field and name; the name is "" for records
            that are bad whatever the dataset declares.
        failure: why the file would be a dead letter; "" if it would not.
    """

    file: Path
    allowed_percent: float
    written: int = 0
    empty: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list[Reject])
    rules: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    failure: str = ""

    @property
    def records(self) -> int:
        """How many records the file has."""
        return self.written + self.empty + self.rejected

    def add(self, batch: Batch, *, kept: int) -> None:
        """Add the results of some records; of the rejects, `kept` are kept in all."""
        self.written += batch.written
        self.empty += batch.empty
        self.rejected += len(batch.rejects)
        for reject in batch.rejects:
            rule = _INDEX.sub("[]", reject.field), reject.rule
            if rule in self.rules or len(self.rules) < _MOST_RULES:
                self.rules[rule] += 1
            if len(self.rejects) < kept:
                self.rejects.append(reject)


def check(
    file: Path,
    dataset: Dataset,
    *,
    max_rejected_percent: float,
    kept: int,
    report: Callable[[int], object],
) -> Checked:
    """Return what the processor would make of a file, which is read as a stream.

    `max_rejected_percent` is the stack's setting, for a dataset that sets none. `kept` is how many
    rejects are kept. `report` is called with each number of bytes that were read.

    Raises UsageError for a name without a known suffix.
    """
    suffix = data_suffix(file)
    allowed = allowed_percent(dataset, max_rejected_percent)
    checked = Checked(file=file, allowed_percent=allowed)
    try:
        for batch in transform(source(file, report), suffix, record_encoder(LINE_END, dataset)):
            checked.add(batch, kept=kept)
    except BadFileError as error:
        checked.failure = str(error)
    if not checked.failure and checked.rejected * _ALL > allowed * checked.records:
        share = _ALL * checked.rejected / checked.records
        checked.failure = f"{share:.1f} % of its records are bad, allowed: {allowed:g} %"
    return checked


def find(name: str) -> Dataset:
    """Return the dataset of a name in `datasets/`, or of a file.

    Raises UsageError with every problem of its declaration, and if there is none.
    """
    # What reads a declaration takes longer to import than most commands to run.
    from infra.datasets import files, lookup  # noqa: PLC0415

    try:
        return lookup.find(name)
    except lookup.NoDatasetError as error:
        raise UsageError(str(error)) from error
    except files.DeclarationError as error:
        msg = f"the dataset has {len(error.problems)} problem(s):"
        raise UsageError(msg, error.problems) from error
