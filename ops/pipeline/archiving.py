"""Run the archiver now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from ops.aws import Account
from ops.terminal.instants import shown
from ops.terminal.problems import OperatorError

_ANSWER_CHARACTERS: Final = 200


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
    answer = account.functions.invoke(
        FunctionName=account.stack.data_archiver_lambda_arn,
        InvocationType="RequestResponse",
        Payload=json.dumps(payload(time)).encode(),
    )
    text = answer["Payload"].read().decode(errors="replace")
    value = _value(text)
    if answer.get("FunctionError") or value is None:
        raise OperatorError(_failure(value or {}, text))
    return Summary(answer=value)


def _failure(document: Mapping[str, object], text: str) -> str:
    """Return a sentence about a failed run, from Lambda's error document or the raw answer."""
    message, kind = document.get("errorMessage"), document.get("errorType")
    if isinstance(message, str) and message:
        failure = f"the archiver failed: {message}" + (f" ({kind})" if kind else "")
    elif kind:
        failure = f"the archiver failed: {kind}"
    else:
        failure = f"the archiver gave no summary but {text[:_ANSWER_CHARACTERS]!r}"
    return f"{failure}; what it has not archived stays where it is, and its log says more"


def _value(text: str) -> dict[str, object] | None:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None
