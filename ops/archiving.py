"""The archiver, called now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from ops.aws import Account
from ops.instants import shown
from ops.problems import OperatorError


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
    text = answer["Payload"].read().decode()
    value: Any = _value(text)
    if answer.get("FunctionError") or not isinstance(value, dict):
        msg = f"the archiver failed ({answer.get('FunctionError', 'no summary')}): {text[:2000]}"
        raise OperatorError(msg)
    return Summary(answer=cast("dict[str, object]", value))


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
