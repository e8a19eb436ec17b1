"""The command that shows what a function logged about a dead letter."""

import json
import shlex
from typing import Final

from ops.aws import Account
from ops.dead_letters.messages import DeadLetter, Queue
from ops.stack import function_name
from ops.terminal.instants import shown

_ENDED: Final = '?timeout ?"Runtime exited"'
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
PATTERN_CHARACTERS: Final = 1024
_LOCAL: Final = "see what `python -m local serve` printed"


class Logs:
    """The log groups of a stack's functions; each is looked up once, on first use."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._groups: dict[str, str] = {}

    def command(self, dead_letter: DeadLetter) -> str:
        """Return the AWS command that shows the log lines about a dead letter since it was sent.

        For the local pipeline, whose functions log to its own output, return a sentence instead.
        """
        stack = self._account.stack
        if stack.endpoint_url:
            return _LOCAL
        function = (
            stack.data_archiver_lambda_arn
            if dead_letter.queue is Queue.ARCHIVER
            else stack.data_processor_lambda_arn
        )
        pattern = _ENDED
        if dead_letter.key:
            named = f"?{json.dumps(dead_letter.key, ensure_ascii=False)} {_ENDED}"
            pattern = named if len(named) <= PATTERN_CHARACTERS else _ENDED
        command = [
            "aws", "logs", "tail", self.group(function),
            "--region", stack.region,
            "--since", shown(dead_letter.sent),
            "--filter-pattern", pattern,
        ]  # fmt: skip
        return shlex.join(command)

    def group(self, function: str) -> str:
        """Return the name of a function's log group."""
        if function not in self._groups:
            found = self._account.functions.get_function_configuration(FunctionName=function)
            group = found.get("LoggingConfig", {}).get("LogGroup")
            # Lambda's default, for a function without a configured group.
            self._groups[function] = group or f"/aws/lambda/{function_name(function)}"
        return self._groups[function]
