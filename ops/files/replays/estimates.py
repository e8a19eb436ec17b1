"""What it costs and how long it takes to process completed files again. Pure.

List prices of us-east-1 in dollars, as of 2025: https://aws.amazon.com/s3/pricing/,
https://aws.amazon.com/lambda/pricing/ and https://aws.amazon.com/sqs/pricing/. `docs/cost.md` says
how many units a file takes.
"""

from dataclasses import dataclass
from typing import Final

WRITE_DOLLARS: Final = 5.00 / 1_000_000  # PUT, COPY, LIST
READ_DOLLARS: Final = 0.40 / 1_000_000  # GET, HEAD
MESSAGE_DOLLARS: Final = 0.40 / 1_000_000
INVOCATION_DOLLARS: Final = 0.20 / 1_000_000
GIGABYTE_SECOND_DOLLARS: Final = 0.0000133334  # Lambda, arm64
JOB_DOLLARS: Final = 0.25
TASK_DOLLARS: Final = 1.00 / 1_000_000

_GIB: Final = 1024**3
_FUNCTION_GIB: Final = 1769 / 1024  # processorMemoryMb
# By docs/cost.md: a batch of ten small files takes 0.3 s; a gigabyte takes 20 s at most.
_FILE_SECONDS: Final = 0.03
_GIB_SECONDS: Final = 20.0
_INVOCATIONS_AT_ONCE: Final = 10  # maxConcurrency
# Two HEADs, two LISTs and a COPY of a few milliseconds each.
_TASK_SECONDS: Final = 0.15
# Copies at once, each of some 0.1 s.
_COPIES_A_SECOND: Final = 80


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The price in dollars, of the copies and of processing them, and the time in seconds."""

    copy_dollars: float
    process_dollars: float
    seconds: float

    @property
    def dollars(self) -> float:
        """The whole price."""
        return self.copy_dollars + self.process_dollars


def estimate(files: int, size_bytes: int, *, by_job: bool) -> Estimate:
    """Return what it takes to replay files of `size_bytes` together, with the default settings."""
    gib = size_bytes / _GIB
    work_seconds = files * _FILE_SECONDS + gib * _GIB_SECONDS
    process = files * (
        2 * WRITE_DOLLARS + READ_DOLLARS + 1.2 * MESSAGE_DOLLARS + 0.1 * INVOCATION_DOLLARS
    ) + _compute(work_seconds)
    copy = files * (WRITE_DOLLARS + READ_DOLLARS)
    if by_job:
        copy += JOB_DOLLARS + files * (
            2 * WRITE_DOLLARS + READ_DOLLARS + TASK_DOLLARS + INVOCATION_DOLLARS
        )
        copy += _compute(files * _TASK_SECONDS)
    else:
        copy += files * READ_DOLLARS  # the tags
    # A job's copies are ahead of the processor, which takes longer.
    here = 0.0 if by_job else files / _COPIES_A_SECOND
    seconds = max(here, work_seconds / _INVOCATIONS_AT_ONCE)
    return Estimate(copy_dollars=copy, process_dollars=process, seconds=seconds)


def _compute(seconds: float) -> float:
    return seconds * _FUNCTION_GIB * GIGABYTE_SECOND_DOLLARS
