"""The metrics of a function and of a queue. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pulumi import Input, Output

from handlers.environment import FUNCTION_DIMENSION, METRICS_NAMESPACE, SERVICE_DIMENSION, Metric

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
VISIBLE: Final = "ApproximateNumberOfMessagesVisible"
IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
AGE: Final = "ApproximateAgeOfOldestMessage"
RECEIVED: Final = "NumberOfMessagesReceived"
EMPTY_RECEIVES: Final = "NumberOfEmptyReceives"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric of CloudWatch with its dimensions, and the statistic of a period."""

    namespace: str
    name: str
    dimensions: Mapping[str, Input[str]]
    statistic: str = "Sum"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A function that alarms watch; `service` is its name in its own metrics."""

    label: str
    service: str
    name: Output[str]
    log_group: Output[str]
    timeout_seconds: int

    def measure(self, name: str, statistic: str = "Sum") -> Measure:
        """Return a metric that Lambda publishes for the function, of all its versions together.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
        """
        dimensions: dict[str, Input[str]] = {"FunctionName": self.name}
        return Measure(
            namespace="AWS/Lambda", name=name, dimensions=dimensions, statistic=statistic
        )

    def own(self, metric: Metric, statistic: str = "Sum") -> Measure:
        """Return a metric that the function itself publishes."""
        dimensions: dict[str, Input[str]] = {
            SERVICE_DIMENSION: self.service,
            FUNCTION_DIMENSION: self.name,
        }
        return Measure(
            namespace=METRICS_NAMESPACE,
            name=metric.value,
            dimensions=dimensions,
            statistic=statistic,
        )

    def log_command(self, pattern: str) -> Output[str]:
        """Return the command that shows the last hour's log lines that match a filter pattern."""
        return Output.concat(
            "aws logs tail ", self.log_group, f" --since 1h --filter-pattern '{pattern}'"
        )

    def errors_command(self) -> Output[str]:
        """Return the command that shows the last hour's errors, crashes and time-outs."""
        return self.log_command("?ERROR ?Task ?Runtime")


@dataclass(frozen=True, kw_only=True)
class WatchedQueue:
    """A queue that alarms watch."""

    name: Output[str]
    url: Output[str]

    def measure(self, name: str, statistic: str = "Maximum") -> Measure:
        """Return a metric that SQS publishes for the queue."""
        dimensions: dict[str, Input[str]] = {"QueueName": self.name}
        return Measure(namespace="AWS/SQS", name=name, dimensions=dimensions, statistic=statistic)

    def measures(self) -> list[Measure]:
        """Return the metrics of messages waiting and in flight, and of the oldest one's age."""
        return [self.measure(name) for name in (VISIBLE, IN_FLIGHT, AGE)]

    def receives(self) -> dict[str, Measure]:
        """Return the metrics of what receives bring, and of those that bring nothing.

        Both are published only while somebody receives, as Lambda does all the time.
        """
        return {
            "received": self.measure(RECEIVED, "Sum"),
            "empty": self.measure(EMPTY_RECEIVES, "Sum"),
        }
