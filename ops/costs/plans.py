"""What decides on the cost of a stack: its settings, and its load. Pure."""

from dataclasses import dataclass
from typing import Final

# What the alarms of a stack look at without options: 20 alarms, two of them at two metrics each.
ALARM_METRICS: Final = 22
# Measured in bench/: text of usual records in gzip at level 1.
COMPRESSED: Final = 1 / 5
DAYS_OF_MONTH: Final = 30
# The memory of one processor.
ONE_CPU_MB: Final = 1769
_SECONDS_OF_MONTH: Final = DAYS_OF_MONTH * 86_400


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The settings of a stack that cost or save money, with the program's defaults."""

    retention_days: int = 30
    archive_days: int = 90
    expiration_days: int = 365  # 0 for never
    completed_days: int = 90
    noncurrent_days: int = 30
    batch_size: int = 10
    batch_window_seconds: int = 1
    processor_memory_mb: int = 1769
    archiver_memory_mb: int = 512
    log_retention_days: int = 30
    compress_output: bool = False
    archive_bundles: bool = False
    bundle_below_kb: int = 1024
    archive_concurrency: int = 1
    kms_key: bool = False
    alarm_metrics: int = ALARM_METRICS


@dataclass(frozen=True, kw_only=True)
class Load:
    """How many files come in a month, evenly, of how many bytes each, and how many at once."""

    files: int
    size: int
    at_once: int = 1

    def output_size(self, plan: Plan) -> float:
        """Return the bytes of a file's output: as many as the file has, unless compressed."""
        return self.size * COMPRESSED if plan.compress_output else self.size

    def files_per_invocation(self, plan: Plan) -> float:
        """Return how many files the processor gets at once: what has come within the window."""
        waiting = 1 + self.files / _SECONDS_OF_MONTH * plan.batch_window_seconds
        return min(plan.batch_size, max(waiting, self.at_once))


def slower(memory_mb: int) -> float:
    """Return how much longer work takes with the part of a processor that the memory gives."""
    return max(1.0, ONE_CPU_MB / memory_mb)
