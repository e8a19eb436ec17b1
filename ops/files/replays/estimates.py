"""What it costs and how long it takes to process completed files again. Pure.

By the prices of `ops.costs.prices`, and by those of jobs below, which AWS asks in us-east-1:
https://aws.amazon.com/s3/pricing/. `docs/cost.md` says how many units a file takes.
"""

from dataclasses import dataclass
from typing import Final

from ops.costs import storage
from ops.costs.estimates import archiving
from ops.costs.periods import Period
from ops.costs.plans import Load, Plan
from ops.costs.prices import Prices

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
    """The price in dollars, and the time in seconds.

    Attributes:
        copy_dollars: of the copies.
        process_dollars: of processing them.
        keep_dollars: of storing what comes of them, and of its archive, until it expires.
        process_seconds: of processing them, if nothing else is to be done.
        seconds: until all are copied and processed.
    """

    copy_dollars: float
    process_dollars: float
    keep_dollars: float
    process_seconds: float
    seconds: float

    @property
    def dollars(self) -> float:
        """The price of copying and processing."""
        return self.copy_dollars + self.process_dollars


def estimate(files: int, size_bytes: int, prices: Prices, *, by_job: bool) -> Estimate:
    """Return what it takes to replay files of `size_bytes` together, with the default settings."""
    gib = size_bytes / _GIB
    write, read = float(prices.writes_1000) / 1_000, float(prices.reads_1000) / 1_000
    message = float(prices.queue_requests_million) / 1_000_000
    invocation = float(prices.lambda_requests_million) / 1_000_000
    gib_second = float(prices.lambda_arm64_gb_second)
    work_seconds = files * _FILE_SECONDS + gib * _GIB_SECONDS
    process = files * (2 * write + read + 1.2 * message + 0.1 * invocation)
    process += work_seconds * _FUNCTION_GIB * gib_second
    copy = files * (write + read)
    if by_job:
        copy += JOB_DOLLARS + files * (2 * write + read + TASK_DOLLARS + invocation)
        copy += files * _TASK_SECONDS * _FUNCTION_GIB * gib_second
    else:
        copy += files * read  # the tags
    # A job's copies are ahead of the processor, which takes longer.
    here = 0.0 if by_job else files / _COPIES_A_SECOND
    process_seconds = work_seconds / _INVOCATIONS_AT_ONCE
    return Estimate(
        copy_dollars=copy,
        process_dollars=process,
        keep_dollars=_keeping(files, size_bytes, prices),
        process_seconds=process_seconds,
        seconds=max(here, process_seconds),
    )


def _keeping(files: int, size_bytes: int, prices: Prices) -> float:
    """Return the price of storing and archiving the copies, with the default settings.

    In the steady state a month with so many new files costs what those files cost in all their
    life.
    """
    plan, period = Plan(), Period()
    load = Load(files=files, size=round(size_bytes / files) if files else 0)
    lines = [
        *storage.lines(plan, load, prices, period), *archiving(plan, load, prices, period),
    ]  # fmt: skip
    return float(sum(line.dollars for line in lines))
