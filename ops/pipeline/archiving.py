"""Run the archiver now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ops.aws import Account
from ops.pipeline.invocation import invoke
from ops.terminal.instants import shown
from ops.terminal.problems import OperatorError


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The archiver's answer: counts, bytes, days, and whether the run is complete."""

    answer: Mapping[str, object]

    @property
    def failed(self) -> bool:
        """Whether an object could not be archived."""
        return self.answer.get("failed_count") not in {0, None}


def payload(time: datetime) -> dict[str, str]:
    """Return the event of a run that archives as of a time."""
    return {"time": shown(time)}


def start(account: Account, time: datetime) -> None:
    """Start a run without waiting for it; if it fails, Lambda retries it twice."""
    account.functions.invoke(
        FunctionName=account.stack.data_archiver_lambda_arn,
        InvocationType="Event",
        Payload=json.dumps(payload(time)).encode(),
    )


def run(account: Account, time: datetime) -> Summary:
    """Run the archiver, wait for it, at most Lambda's 15 minutes, and return its summary.

    Raises OperatorError with the function's own error if it fails.
    """
    function = account.stack.data_archiver_lambda_arn
    try:
        return Summary(answer=invoke(account, function, payload(time), name="the archiver"))
    except OperatorError as error:
        msg = f"{error}; what it has not archived stays where it is, and its log says more"
        raise OperatorError(msg) from error
