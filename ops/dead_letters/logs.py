"""Where to look for what a function logged about a dead letter."""

import json
import shlex
from typing import Final

from ops.aws import Account
from ops.dead_letters.messages import DeadLetter, Queue
from ops.stack import function_name
from ops.terminal.instants import shown

_ENDED: Final = '?timeout ?"Runtime exited"'
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
_PATTERN_CHARACTERS: Final = 1024
_LOCAL: Final = "see what `python -m local serve` printed"


class Logs:
    """The log groups of a stack's functions, each looked up when it is first needed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._groups: dict[str, str] = {}

    def command(self, letter: DeadLetter) -> str:
        """Return the command that shows what was logged about a letter since it was sent.

        The local pipeline's functions log to its own output: there it is a sentence that says so.
        """
        stack = self._account.stack
        if stack.endpoint_url:
            return _LOCAL
        function = (
            stack.data_archiver_lambda_arn
            if letter.queue is Queue.ARCHIVER
            else stack.data_processor_lambda_arn
        )
        pattern = _ENDED
        if letter.key:
            named = f"?{json.dumps(letter.key, ensure_ascii=False)} {_ENDED}"
            pattern = named if len(named) <= _PATTERN_CHARACTERS else _ENDED
        command = [
            "aws", "logs", "tail", self._group(function),
            "--region", stack.region,
            "--since", shown(letter.sent),
            "--filter-pattern", pattern,
        ]  # fmt: skip
        return shlex.join(command)

    def _group(self, function: str) -> str:
        if function not in self._groups:
            found = self._account.functions.get_function_configuration(FunctionName=function)
            group = found.get("LoggingConfig", {}).get("LogGroup")
            # The group of a function that was given none.
            self._groups[function] = group or f"/aws/lambda/{function_name(function)}"
        return self._groups[function]
