"""The logger and the metrics of a function."""

from collections.abc import Mapping

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers.aws.clients import BOTOCORE_VERSION
from handlers.environment import FUNCTION_DIMENSION, METRICS_NAMESPACE, Metric

_BYTES = {Metric.BYTES_IN, Metric.BYTES_WRITTEN, Metric.BYTES_ARCHIVED}


class Telemetry:
    """Structured log lines and embedded metrics of one function.

    Each line names the version of botocore, since AWS updates the runtime's.
    """

    def __init__(self, service: str, *, level: str, environment: str) -> None:
        self.logger = Logger(service=service, level=level)
        self.logger.append_keys(environment=environment, botocore=BOTOCORE_VERSION)
        self._metrics = Metrics(namespace=METRICS_NAMESPACE, service=service)

    def begin(self, request_id: str) -> None:
        """Name the invocation in each line from now on, as Lambda's own lines name it."""
        self.logger.append_keys(function_request_id=request_id)

    def emit(self, values: Mapping[Metric, float], *, function_name: str) -> None:
        """Write the metrics of one invocation. Call it once, at the end, from one thread."""
        if not values:
            return
        self._metrics.add_dimension(FUNCTION_DIMENSION, function_name)
        for metric, value in values.items():
            unit = MetricUnit.Bytes if metric in _BYTES else MetricUnit.Count
            self._metrics.add_metric(metric, unit, value)
        self._metrics.flush_metrics()
