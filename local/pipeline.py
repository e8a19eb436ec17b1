"""Run a stack of the pipeline on this machine: deployed on moto, triggered as AWS triggers it."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Self

from infra.schedule_expression import parse_expression
from local.account.server import Account
from local.cloudwatch.log_groups import LogGroups
from local.compute.async_invocations import AsynchronousInvocations, AsynchronousSettings
from local.compute.destinations import (
    Destination,
    dead_letter_queue,
    on_failure_queue,
    schedule_dead_letter_queue,
)
from local.compute.functions import LocalFunction
from local.compute.lambda_service import LambdaService
from local.compute.outcome import Invocation
from local.compute.sandbox import Credentials
from local.program.deployment import Deployment, deploy
from local.program.plan import Resource
from local.triggers.batch_operations import JobRunner
from local.triggers.event_source_mapping import BatchResult, MappingSettings, QueueMapping
from local.triggers.scheduler import Run, Schedule, ScheduleRunner

_FUNCTION: Final = "aws:lambda/function:Function"
_INVOKE_CONFIG: Final = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
_SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
# A message of a killed invocation becomes visible this long after the function's time-out. The
# queue's own time is six time-outs, as AWS advises.
_VISIBILITY_MARGIN_SECONDS: Final = 5
# The processes of a function without reserved concurrency.
_CONCURRENCY: Final = 10


class LocalPipeline:
    """A stack that runs from `start` to `stop`; a context manager.

    Attributes:
        account: The account on moto that it is deployed to.
        deployment: What the program made there; set by `start`.
    """

    def __init__(
        self,
        *,
        stack: str = "dev",
        config: Mapping[str, str] | None = None,
        port: int = 0,
        on_line: Callable[[str], None] | None = None,
        on_batch: Callable[[BatchResult], None] | None = None,
        on_attempt: Callable[[Invocation], None] | None = None,
        on_invocation: Callable[[str, Invocation], None] | None = None,
    ) -> None:
        """Say what to deploy; nothing is started yet.

        The callbacks are called in other threads: `on_line` with each log line of a function,
        `on_batch` with the result of each batch of the queue, `on_attempt` with the result of each
        attempt at an asynchronous event, and `on_invocation` with the function's name and the
        result of every invocation.
        """
        self.account = Account(port=port)
        self.deployment: Deployment
        self._stack = stack
        self._config = dict(config or {})
        self._on_line = on_line
        self._on_batch = on_batch
        self._on_attempt = on_attempt
        self._on_invocation = on_invocation
        self._log_groups = LogGroups(self.account)
        self._service = LambdaService()
        self._functions: dict[str, LocalFunction] = {}
        self._events: dict[str, AsynchronousInvocations] = {}
        self._mappings: list[QueueMapping] = []
        self._schedules: list[Schedule] = []
        self._opened = ExitStack()

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, and the `endpoint_url` and `region` of its account."""
        where = {"endpoint_url": self.account.endpoint_url, "region": self.account.region}
        return {**self.deployment.outputs, **where}

    def start(self) -> Self:
        """Deploy the stack, and start to poll its queue and to run its schedules.

        Raises:
            local.program.configuration.ConfigurationError: A setting is unknown or of a wrong type.
            DeploymentError: The program or the account refused something.
            OSError: The port is taken.
        """
        with ExitStack() as opened:
            opened.enter_context(self.account)
            self.deployment = deploy(self.account, stack=self._stack, config=self._config)
            opened.enter_context(self._service)
            self._make_functions(opened)
            self._make_mappings(opened)
            self._make_schedules(opened)
            self._run_jobs(opened)
            self._opened = opened.pop_all()
        return self

    def stop(self) -> None:
        """Stop everything and delete all that the account holds; harmless when repeated."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def drain(self, timeout_seconds: float) -> None:
        """Wait until every event is handled; raise TimeoutError with those left after a time.

        Asynchronous events come first: a direct call for a large file continues through the queue.
        """
        end = time.monotonic() + timeout_seconds
        for waiting in (*self._events.values(), *self._mappings, *self._events.values()):
            waiting.drain(max(0, end - time.monotonic()))

    def run_schedule(
        self,
        moment: datetime,
        *,
        function: str = "data_archiver_lambda_arn",
        timeout_seconds: float = 60,
    ) -> Run:
        """Run a function's schedule as if it were a given time, and wait until it is done.

        `function` is the output of the stack that names it. Raises TimeoutError if it takes longer
        than `timeout_seconds`.
        """
        target = self.deployment.outputs[function]
        (schedule,) = (one for one in self._schedules if one.target_arn == target)
        run = schedule.run_now(moment)
        for events in self._events.values():
            events.drain(timeout_seconds)
        return run

    def invoke(self, name: str, payload: object) -> Any:
        """Invoke a function by its name, its ARN or its alias's ARN, and return its answer.

        Raises RuntimeError with the function's error if it failed.
        """
        invocation = self._service.invoke(_name_of(name), payload)
        if invocation.failure:
            raise RuntimeError(f"{invocation.failure.type}: {invocation.failure.message}")
        return invocation.payload

    def _make_functions(self, opened: ExitStack) -> None:
        configs = self.deployment.of_type(_INVOKE_CONFIG)
        # An alias's last: where there is one, all that invokes the function does so by it.
        configs = sorted(configs, key=lambda one: "qualifier" in one.inputs)
        limits = {_name_of(one.inputs["functionName"]): one for one in configs}
        for resource in self.deployment.of_type(_FUNCTION):
            name = resource.outputs["name"]
            function = self._make_function(resource, name)
            opened.callback(function.close)
            events = AsynchronousInvocations(
                function,
                self._event_settings(resource, limits.get(name)),
                on_attempt=self._on_attempt,
            )
            opened.callback(events.close)
            self._functions[name] = function
            self._events[name] = events
            self._service.register(function, events)

    def _make_function(self, resource: Resource, name: str) -> LocalFunction:
        inputs = resource.inputs
        if resource.archive is None:
            msg = f"function {resource.name} has no archive"
            raise ValueError(msg)
        return LocalFunction(
            name=name,
            archive=resource.archive,
            handler=inputs["handler"],
            timeout_seconds=inputs["timeout"],
            memory_mb=inputs["memorySize"],
            environment=inputs["environment"]["variables"],
            endpoint_url=self.account.endpoint_url,
            region=self.account.region,
            account_id=self.account.account_id,
            credentials=Credentials(),
            concurrency=inputs.get("reservedConcurrentExecutions", _CONCURRENCY),
            on_line=partial(self._write_line, inputs["loggingConfig"]["logGroup"]),
            on_invocation=self._on_invocation,
        )

    def _write_line(self, group: str, line: str) -> None:
        self._log_groups.add_line(group, line)
        if self._on_line:
            self._on_line(line)

    def _event_settings(self, function: Resource, limits: Resource | None) -> AsynchronousSettings:
        sqs = self.account.client("sqs")
        destinations: list[Destination] = []
        if dead_letters := function.inputs.get("deadLetterConfig"):
            destinations.append(dead_letter_queue(sqs, dead_letters["targetArn"]))
        given: Mapping[str, Any] = limits.inputs if limits else {}
        if on_failure := given.get("destinationConfig", {}).get("onFailure"):
            destinations.append(on_failure_queue(sqs, on_failure["destination"]))
        return AsynchronousSettings(
            function_arn=function.outputs["arn"],
            retries=given.get("maximumRetryAttempts", 2),
            destinations=destinations,
        )

    def _make_mappings(self, opened: ExitStack) -> None:
        sqs = self.account.client("sqs")
        for resource in self.deployment.of_type(_MAPPING):
            inputs = resource.inputs
            function = self._functions[_name_of(inputs["functionName"])]
            queue = inputs["eventSourceArn"].rpartition(":")[2]
            settings = MappingSettings(
                queue_url=sqs.get_queue_url(QueueName=queue)["QueueUrl"],
                queue_arn=inputs["eventSourceArn"],
                batch_size=inputs["batchSize"],
                window_seconds=inputs.get("maximumBatchingWindowInSeconds", 0),
                maximum_concurrency=inputs["scalingConfig"]["maximumConcurrency"],
                partial_responses="ReportBatchItemFailures" in inputs["functionResponseTypes"],
                visibility_seconds=int(function.definition.timeout_seconds)
                + _VISIBILITY_MARGIN_SECONDS,
            )
            mapping = QueueMapping(
                function=function,
                sqs=sqs,
                settings=settings,
                on_batch=self._on_batch,
                is_enabled=partial(self._is_enabled, resource.outputs["uuid"]),
            )
            mapping.start()
            opened.callback(mapping.stop)
            self._mappings.append(mapping)

    def _is_enabled(self, mapping: str) -> bool:
        found = self.account.client("lambda").get_event_source_mapping(UUID=mapping)
        return found["State"] == "Enabled"

    def _make_schedules(self, opened: ExitStack) -> None:
        sqs = self.account.client("sqs")
        for resource in self.deployment.of_type(_SCHEDULE):
            target = resource.inputs["target"]
            self._schedules.append(
                Schedule(
                    arn=resource.outputs["arn"],
                    expression=parse_expression(
                        resource.inputs["scheduleExpression"],
                        start=datetime.now(UTC),
                        zone=resource.inputs.get("scheduleExpressionTimezone", "UTC"),
                    ),
                    target_arn=target["arn"],
                    deliver=self._events[_name_of(target["arn"])].submit,
                    input=target.get("input", "{}"),
                    retry_attempts=target["retryPolicy"]["maximumRetryAttempts"],
                    send_dead_letter=schedule_dead_letter_queue(
                        sqs, target["deadLetterConfig"]["arn"]
                    ),
                )
            )
        runner = ScheduleRunner(*self._schedules)
        runner.start()
        opened.callback(runner.stop)

    def _run_jobs(self, opened: ExitStack) -> None:
        """Run the jobs of S3 Batch Operations that anyone makes on the account."""
        runner = JobRunner(
            self.account.waiting_jobs,
            self.account.client("s3"),
            self.invoke,
        )
        runner.start()
        opened.callback(runner.stop)


def _name_of(function: str) -> str:
    """Return a function's name: of its ARN, of that of a version or an alias, or as it is.

    One version runs here, the newest: an alias is another name for its function.
    """
    return function.rpartition(":function:")[2].partition(":")[0]
