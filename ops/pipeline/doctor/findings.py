"""What a check finds, and what all checks know."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from ops.aws import Account
from ops.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef


class Verdict(StrEnum):
    """Whether a thing is right, wrong, or cannot be known."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found about one thing; `mend` says what to do about a problem."""

    about: str
    verdict: Verdict
    says: str
    mend: str | None = None


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployed stack that is checked; `now` returns the time by this machine's clock."""

    account: Account
    now: Callable[[], datetime]

    @property
    def stack(self) -> Stack:
        """The stack's outputs."""
        return self.account.stack

    @property
    def is_local(self) -> bool:
        """Whether it is the local pipeline."""
        return self.stack.endpoint_url is not None

    @cached_property
    def processor(self) -> "FunctionConfigurationResponseTypeDef":
        """The configuration of the data processor."""
        return self._function(self.stack.data_processor_lambda_arn)

    @cached_property
    def archiver(self) -> "FunctionConfigurationResponseTypeDef":
        """The configuration of the data archiver."""
        return self._function(self.stack.data_archiver_lambda_arn)

    @cached_property
    def buckets(self) -> dict[str, str]:
        """The names of the buckets, by what they are for."""
        stack = self.stack
        return {
            "raw": stack.raw_bucket_name,
            "processed": stack.processed_bucket_name,
            "archive": stack.archive_bucket_name,
        }

    def _function(self, arn: str) -> "FunctionConfigurationResponseTypeDef":
        return self.account.functions.get_function_configuration(FunctionName=arn)


def ok(about: str, says: str) -> Finding:
    """Return the finding that a thing is right."""
    return Finding(about=about, verdict=Verdict.OK, says=says)


def problem(about: str, says: str, mend: str) -> Finding:
    """Return the finding that a thing is wrong, and what mends it."""
    return Finding(about=about, verdict=Verdict.PROBLEM, says=says, mend=mend)


def unknown(about: str, says: str) -> Finding:
    """Return the finding that it cannot be known whether a thing is right."""
    return Finding(about=about, verdict=Verdict.UNKNOWN, says=says)


def judged(about: str, problems: list[str], *, well: str, mend: str) -> Finding:
    """Return one finding: the problems of a thing if it has any, else what is well."""
    return problem(about, "; ".join(problems), mend) if problems else ok(about, well)
