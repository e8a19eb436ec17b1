"""Invoke a function of the stack, and wait for its answer."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from ops.aws import Account
from ops.terminal.problems import OperatorError

# A JSON object.
Answer = Mapping[str, object]
_ANSWER_CHARACTERS: Final = 200


def invoke(account: Account, function: str, event: Mapping[str, object], *, name: str) -> Answer:
    """Return the answer of a function, after at most Lambda's 15 minutes.

    `name` is what messages call the function. Raises OperatorError with the function's own error if
    it fails.
    """
    answer = account.functions.invoke(
        FunctionName=function,
        InvocationType="RequestResponse",
        Payload=json.dumps(event).encode(),
    )
    text = answer["Payload"].read().decode(errors="replace")
    value = _value(text)
    if answer.get("FunctionError") or value is None:
        raise OperatorError(_failure(value or {}, text, name))
    return value


def _failure(document: Answer, text: str, name: str) -> str:
    """Return a sentence about a failed run, from Lambda's error document or the raw answer."""
    message, kind = document.get("errorMessage"), document.get("errorType")
    if isinstance(message, str) and message:
        return f"{name} failed: {message}" + (f" ({kind})" if kind else "")
    if kind:
        return f"{name} failed: {kind}"
    return f"{name} gave no summary but {text[:_ANSWER_CHARACTERS]!r}"


def _value(text: str) -> Answer | None:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("Answer", value) if isinstance(value, dict) else None
