"""The archiver, called now."""

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
    """What a run of the archiver answered: counts, bytes, days, and whether it came to its end."""

    answer: Mapping[str, object]

    @property
    def failed(self) -> bool:
        """Whether an object could not be archived."""
        return self.answer.get("failed_count") not in {0, None}


def payload(time: datetime) -> dict[str, str]:
    """Return the event of a run as of an instant."""
    return {"time": shown(time)}


def start(account: Account, time: datetime) -> None:
    """Start a run and do not wait for it; Lambda retries it twice."""
    account.functions.invoke(
        FunctionName=account.stack.data_archiver_lambda_arn,
        InvocationType="Event",
        Payload=json.dumps(payload(time)).encode(),
    )


def run(account: Account, time: datetime) -> Summary:
    """Run the archiver and return its summary, after at most Lambda's 15 minutes.

    Raises OperatorError with the function's own error when it fails.
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
    """Return the sentence for a run that failed, from Lambda's error document or what came."""
    message, kind = document.get("errorMessage"), document.get("errorType")
    if isinstance(message, str) and message:
        told = f"the archiver failed: {message}" + (f" ({kind})" if kind else "")
    elif kind:
        told = f"the archiver failed: {kind}"
    else:
        told = f"the archiver gave no summary but {text[:_ANSWER_CHARACTERS]!r}"
    return f"{told}; what it has not archived stays where it is, and its log says more"


def _value(text: str) -> dict[str, object] | None:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None
