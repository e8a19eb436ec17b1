"""What all parts of one run of the archiver work with."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from handlers.aws.objects import Storage
from handlers.environment import ArchiverEnvironment
from handlers.invocation.deadline import Deadline


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """One run: its clients and settings, its log, its time, and its threads."""

    storage: Storage
    environment: ArchiverEnvironment
    log: Any
    deadline: Deadline
    pool: ThreadPoolExecutor
