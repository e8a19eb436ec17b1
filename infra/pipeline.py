"""The whole pipeline: buckets, queues, functions, notifications, schedule and monitoring."""

import json
from collections.abc import Callable
from functools import partial

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from handlers.environment import ARCHIVER_SERVICE, PROCESSOR_SERVICE
from handlers.transform.datasets.dataset import Dataset
from infra import alarms, bucket_policy, costs, dashboard, definitions, lifecycle, package
from infra.access_logs import AccessLogs
from infra.alarms import Alarm
from infra.batch_operations import BatchOperations
from infra.bucket import DataBucket
from infra.catalog import Catalog
from infra.datasets.files import Declarations
from infra.definitions import Parts
from infra.function import PipelineFunction
from infra.lifecycle import Rule
from infra.measures import Watched, WatchedQueue
from infra.monitoring import Alarms, AlarmTopic, Dashboard
from infra.notifications import EventDelivery, OutputEvents
from infra.permissions import Statement
from infra.queues import DeadLetterQueue, ProcessingQueue
from infra.schedule import ARCHIVE_INPUT, RECONCILE_INPUT, DailyRun
from infra.settings import Settings


class DataPipeline(pulumi.ComponentResource):
    """The whole pipeline of a stack.

    Attributes:
        outputs: the stack's outputs, by name.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        datasets: Declarations,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:DataPipeline", name, None, opts)
        self._name = name
        self._settings = settings
        self._datasets = [Dataset.read(*named) for named in datasets.items()]
        self._child = ResourceOptions(parent=self)
        invoke = pulumi.InvokeOptions(parent=self)
        self._account = aws.get_caller_identity_output(opts=invoke).account_id
        self._partition = aws.get_partition_output(opts=invoke).partition
        self._parts = parts = self._make_parts(aws.get_region_output(opts=invoke).region)
        code = package.archive(datasets)
        self._processor = PipelineFunction(
            f"{name}-data-processor",
            definitions.processor(settings, parts, code, has_datasets=bool(datasets)),
            self._child,
        )
        self._archiver = PipelineFunction(
            f"{name}-data-archiver", definitions.archiver(settings, parts, code), self._child
        )
        topic, all_alarms, board = self._watch()
        EventDelivery(
            f"{name}-delivery",
            settings=settings,
            raw=parts.raw,
            processor=self._processor,
            queue=parts.queue,
            account=self._account,
            ready=[parts.raw, parts.processed, parts.archive, parts.dead_letters, all_alarms],
            opts=self._child,
        )
        self._run_daily()
        if settings.output_events:
            OutputEvents(f"{name}-output-events", processed=parts.processed, opts=self._child)
        if settings.access_logs:
            self._log_requests()
        self.outputs = {
            **self._outputs(),
            **self._batch_operations(),
            **self._catalog(datasets),
            "alarm_topic_arn": topic.arn,
            "dashboard_url": board.url,
        }
        self.register_outputs(self.outputs)

    def _log_requests(self) -> None:
        """Create the bucket of access logs."""
        parts = self._parts
        AccessLogs(
            f"{self._name}-access-logs",
            settings=self._settings,
            buckets={"raw": parts.raw, "processed": parts.processed, "archive": parts.archive},
            account=self._account,
            opts=self._child,
        )

    def _run_daily(self) -> None:
        """Create the schedules: the archiver's, and the processor's for what is left over."""
        settings, parts = self._settings, self._parts
        make = partial(
            DailyRun,
            account=self._account,
            region=parts.region,
            partition=self._partition,
            kms_key_arn=settings.kms_key_arn,
            permissions_boundary_arn=settings.permissions_boundary_arn,
            opts=self._child,
        )
        make(
            f"{self._name}-daily-archive",
            expression=settings.archive_schedule,
            function=self._archiver,
            event=ARCHIVE_INPUT,
            dead_letters=parts.archiver_dead_letters,
        )
        if settings.reconcile_schedule:
            make(
                f"{self._name}-reconcile",
                expression=settings.reconcile_schedule,
                function=self._processor,
                event=RECONCILE_INPUT,
                dead_letters=parts.dead_letters,
            )

    def _make_parts(self, region: pulumi.Output[str]) -> Parts:
        settings = self._settings
        raw = self._bucket(
            "raw",
            settings.raw_bucket_name,
            lifecycle.raw(settings),
            lambda arn: bucket_policy.accept_files(arn, settings.producer_principals),
        )
        dead_letters = self._dead_letter_queue("dead-letters")
        return Parts(
            raw=raw,
            processed=self._bucket(
                "processed",
                settings.processed_bucket_name,
                lifecycle.processed(settings),
                lambda arn: bucket_policy.read_outputs(
                    arn, settings.consumer_principals, queried=bool(self._datasets)
                ),
            ),
            archive=self._bucket(
                "archive",
                settings.archive_bucket_name,
                lifecycle.archive(settings),
                self._archive_statements,
            ),
            queue=self._processing_queue(raw, dead_letters),
            dead_letters=dead_letters,
            archiver_dead_letters=self._dead_letter_queue("archiver-dead-letters"),
            account=self._account,
            region=region,
        )

    def _archive_statements(self, bucket: str) -> list[Statement]:
        """Return the statements of the archive bucket's policy, whose ARN is given.

        Without protection `pulumi destroy` empties the bucket by itself.
        """
        settings = self._settings
        consumers = settings.consumer_principals if self._datasets else ()
        return [
            *(bucket_policy.keep_objects(bucket) if settings.protect_data else []),
            *bucket_policy.read_archive(bucket, consumers),
        ]

    def _bucket(
        self,
        purpose: str,
        bucket_name: str | None,
        rules: list[Rule],
        statements: Callable[[str], list[Statement]],
    ) -> DataBucket:
        return DataBucket(
            f"{self._name}-{purpose}",
            rules=rules,
            bucket_name=bucket_name,
            kms_key_arn=self._settings.kms_key_arn,
            protect=self._settings.protect_data,
            statements=lambda arn: arn.apply(statements),
            opts=self._child,
        )

    def _dead_letter_queue(self, purpose: str) -> DeadLetterQueue:
        return DeadLetterQueue(
            f"{self._name}-{purpose}",
            retention_days=self._settings.dead_letter_retention_days,
            protect=self._settings.protect_data,
            kms_key_arn=self._settings.kms_key_arn,
            opts=self._child,
        )

    def _processing_queue(self, raw: DataBucket, dead_letters: DeadLetterQueue) -> ProcessingQueue:
        return ProcessingQueue(
            f"{self._name}-files",
            bucket_arn=raw.arn,
            account=self._account,
            dead_letters=dead_letters,
            max_receives=self._settings.max_receives,
            retention_days=self._settings.queue_retention_days,
            visibility_timeout_seconds=self._settings.visibility_timeout_seconds,
            protect=self._settings.protect_data,
            kms_key_arn=self._settings.kms_key_arn,
            opts=self._child,
        )

    def _outputs(self) -> dict[str, Input[str]]:
        parts = self._parts
        return {
            "raw_bucket_name": parts.raw.name,
            "raw_bucket_arn": parts.raw.arn,
            "processed_bucket_name": parts.processed.name,
            "processed_bucket_arn": parts.processed.arn,
            "archive_bucket_name": parts.archive.name,
            # An invocation by hand starts from the snapshot too. The name of the function, which
            # the commands of `ops` need, is in an alias's ARN as well.
            "data_processor_lambda_arn": self._processor.invoked_arn,
            "data_archiver_lambda_arn": self._archiver.arn,
            "processing_queue_url": parts.queue.url,
            "dlq_url": parts.dead_letters.url,
            "archiver_dlq_url": parts.archiver_dead_letters.url,
        }

    def _batch_operations(self) -> dict[str, Input[str]]:
        """Create the role for jobs that replay files, if that is set, and return its output."""
        if not self._settings.batch_operations:
            return {}
        made = BatchOperations(
            f"{self._name}-jobs",
            function=self._processor,
            processed=self._parts.processed,
            account=self._account,
            region=self._parts.region,
            kms_key_arn=self._settings.kms_key_arn,
            permissions_boundary_arn=self._settings.permissions_boundary_arn,
            opts=self._child,
        )
        return {"batch_operations_role_arn": made.role_arn}

    def _catalog(self, datasets: Declarations) -> dict[str, Input[str]]:
        """Create the tables and the workgroup, if there is a dataset.

        Returns their outputs, and the declarations: what the next preview compares its own with,
        and what `ops` knows the columns from.
        """
        declared = json.dumps(datasets, ensure_ascii=False)
        if not self._datasets:
            return {"datasets": declared}
        made = Catalog(
            self._name,
            datasets=self._datasets,
            processed=self._parts.processed,
            archive=self._parts.archive,
            query_limit_gigabytes=self._settings.query_limit_gigabytes,
            kms_key_arn=self._settings.kms_key_arn,
            opts=self._child,
        )
        return {
            "glue_database_name": made.database_name,
            "athena_workgroup_name": made.workgroup_name,
            # Once the tables are made, as the outputs wait for the functions. If an update fails
            # before that, Pulumi keeps the last declarations, and the next preview warns again:
            # https://github.com/pulumi/pulumi/pull/15754
            "datasets": pulumi.Output.all(*made.table_names).apply(lambda _: declared),
        }

    def _watch(self) -> tuple[AlarmTopic, Alarms, Dashboard]:
        """Create the topic, the alarms and the dashboard."""
        settings, parts = self._settings, self._parts
        processor = Watched(
            label="processor",
            service=PROCESSOR_SERVICE,
            name=self._processor.name,
            log_group=self._processor.log_group,
            timeout_seconds=settings.processor_timeout_seconds,
        )
        archiver = Watched(
            label="archiver",
            service=ARCHIVER_SERVICE,
            name=self._archiver.name,
            log_group=self._archiver.log_group,
            timeout_seconds=settings.archiver_timeout_seconds,
        )
        topic = AlarmTopic(
            f"{self._name}-alarms",
            account=self._account,
            region=parts.region,
            partition=self._partition,
            email=settings.alarm_email,
            opts=self._child,
        )
        made = Alarms(
            self._name,
            alarms=self._alarms(processor, archiver),
            topic=topic,
            environment=settings.environment,
            opts=self._child,
        )
        board = Dashboard(
            self._name,
            region=parts.region,
            neighbour=topic.name,
            body=dashboard.body(
                region=parts.region,
                alarms=made.arns,
                processor=processor,
                archiver=archiver,
                queues=[
                    ("Processing queue", _watched(parts.queue)),
                    ("Dead letters", _watched(parts.dead_letters)),
                ],
            ),
            opts=self._child,
        )
        return topic, made, board

    def _alarms(self, processor: Watched, archiver: Watched) -> list[Alarm]:
        settings, parts = self._settings, self._parts
        _warn(settings)
        return [
            alarms.of_dead_letters(_watched(parts.dead_letters)),
            alarms.of_archiver_dead_letters(_watched(parts.archiver_dead_letters)),
            *alarms.of_function(processor),
            *alarms.of_processor(
                processor,
                max_rejected_percent=settings.max_rejected_percent,
                expect_files_every_hours=settings.expect_files_every_hours,
            ),
            *alarms.of_function(archiver),
            *alarms.of_archiver(archiver, runs_daily=settings.archives_daily),
            alarms.of_queue(_watched(parts.queue), max_lag_minutes=settings.max_lag_minutes),
            *(
                alarm
                for watched in (processor, archiver)
                for alarm in alarms.of_runaway(
                    watched,
                    daily_gigabytes=settings.daily_gigabytes_alarm,
                    daily_lambda_seconds=settings.daily_lambda_seconds_alarm,
                )
            ),
        ]


def _warn(settings: Settings) -> None:
    """Warn at preview of settings that are allowed, but probably not wanted."""
    if not settings.archives_daily:
        pulumi.log.warn(
            f"archiveSchedule {settings.archive_schedule} does not run every day: "
            "there is no alarm for a run that is missed"
        )
    if settings.protect_data and not settings.alarm_email:
        pulumi.log.warn(
            "alarmEmail is empty: nobody hears the alarms of this stack, unless somebody has "
            "subscribed to the topic that its output alarm_topic_arn names"
        )
    for loss in costs.certain_losses(settings):
        pulumi.log.warn(loss)


def _watched(queue: DeadLetterQueue | ProcessingQueue) -> WatchedQueue:
    return WatchedQueue(name=queue.name, url=queue.url)
