"""Write the lifecycle rules: when objects move to a cheaper class or are deleted. Pure."""

from typing import Final

from pulumi_aws.s3 import (
    BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs as UnfinishedUploads,
)
from pulumi_aws.s3 import BucketLifecycleConfigurationRuleArgs as Rule
from pulumi_aws.s3 import BucketLifecycleConfigurationRuleExpirationArgs as Expiration
from pulumi_aws.s3 import BucketLifecycleConfigurationRuleFilterArgs as Filter
from pulumi_aws.s3 import (
    BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs as NoncurrentVersions,
)
from pulumi_aws.s3 import BucketLifecycleConfigurationRuleTransitionArgs as Transition

from handlers import keys
from infra.settings import Settings

# By default S3 does not move objects under 128 KB. The contract promises GLACIER for every object,
# and with this value S3 moves those of any size to GLACIER.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
TRANSITION_MINIMUM: Final = "varies_by_storage_class"
# S3 itself forgets a job 90 days after its end; until then its manifest and report may be wanted.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-job-status.html
JOB_DAYS: Final = 90
MOVE_OUTPUTS: Final = "move-to-glacier-then-expire"
MOVE_BUNDLES: Final = "move-bundles-to-glacier-then-expire"
EXPIRE_INDEXES: Final = "expire-bundle-indexes"
_ENABLED: Final = "Enabled"
_WHOLE_BUCKET: Final = Filter(prefix="")


def raw(settings: Settings) -> list[Rule]:
    """Return the rules of the raw bucket: completed files are deleted after some days."""
    completed = Rule(
        id="expire-completed",
        status=_ENABLED,
        filter=Filter(prefix=keys.COMPLETED),
        expiration=Expiration(days=settings.completed_days),
    )
    return [*_housekeeping(settings), completed]


def processed(settings: Settings) -> list[Rule]:
    """Return the rules of the processed bucket; the archiver is what moves the outputs."""
    rejected = Rule(
        id="expire-rejected",
        status=_ENABLED,
        filter=Filter(prefix=keys.REJECTED),
        expiration=Expiration(days=settings.rejected_days),
    )
    # The archive holds what is restored, so that no noncurrent version of it need be kept.
    restored = Rule(
        id="expire-restored",
        status=_ENABLED,
        filter=Filter(prefix=keys.RESTORED),
        expiration=Expiration(days=settings.restored_days),
        noncurrent_version_expiration=NoncurrentVersions(noncurrent_days=1),
    )
    # Staged chunks are kept as long as a message may continue them, and are useless after that.
    staging = Rule(
        id="expire-staging",
        status=_ENABLED,
        filter=Filter(prefix=keys.STAGING),
        expiration=Expiration(days=settings.message_wait_days),
        noncurrent_version_expiration=NoncurrentVersions(noncurrent_days=1),
    )
    # In every stack, so that switching `batchOperations` off leaves nothing behind for ever.
    jobs = Rule(
        id="expire-batch-operations",
        status=_ENABLED,
        filter=Filter(prefix=keys.BATCH_JOBS),
        expiration=Expiration(days=JOB_DAYS),
        noncurrent_version_expiration=NoncurrentVersions(noncurrent_days=1),
    )
    return [*_housekeeping(settings), rejected, restored, staging, jobs]


def archive(settings: Settings) -> list[Rule]:
    """Return the rules of the archive bucket: to GLACIER, then deletion if that is set.

    Bundles age as single outputs do, whether bundling is on or not. Their indexes stay in
    STANDARD, so that one finds an output without retrieving anything, and end after the bundles.
    The days' layouts, some bytes each, never end: a day that had another one while bundles of it
    are left could have an output in two of them.
    """
    expiration = Expiration(days=settings.expiration_days) if settings.expiration_days else None
    ageing = [
        Rule(
            id=name,
            status=_ENABLED,
            filter=Filter(prefix=prefix),
            transitions=[Transition(days=settings.archive_days, storage_class="GLACIER")],
            expiration=expiration,
        )
        for name, prefix in (
            (MOVE_OUTPUTS, keys.ARCHIVE),
            (MOVE_BUNDLES, keys.BUNDLES),
        )
    ]
    indexes = Rule(
        id=EXPIRE_INDEXES,
        status=_ENABLED,
        filter=Filter(prefix=keys.BUNDLE_INDEXES),
        expiration=expiration,
    )
    # S3 refuses a rule that does nothing.
    return [*_housekeeping(settings), *ageing, *([indexes] if expiration else [])]


def access_logs(settings: Settings) -> list[Rule]:
    """Return the rules of the bucket of access logs, which are kept as long as other logs."""
    logs = Rule(
        id="expire-logs",
        status=_ENABLED,
        filter=_WHOLE_BUCKET,
        expiration=Expiration(days=settings.log_retention_days),
    )
    return [*_housekeeping(settings), logs]


def _housekeeping(settings: Settings) -> list[Rule]:
    """Return the rule that removes old versions, lone delete markers and unfinished uploads."""
    return [
        Rule(
            id="expire-noncurrent-versions",
            status=_ENABLED,
            filter=_WHOLE_BUCKET,
            noncurrent_version_expiration=NoncurrentVersions(
                noncurrent_days=settings.noncurrent_days
            ),
        ),
        Rule(
            id="expire-delete-markers",
            status=_ENABLED,
            filter=_WHOLE_BUCKET,
            expiration=Expiration(expired_object_delete_marker=True),
        ),
        Rule(
            id="abort-unfinished-uploads",
            status=_ENABLED,
            filter=_WHOLE_BUCKET,
            abort_incomplete_multipart_upload=UnfinishedUploads(
                days_after_initiation=settings.unfinished_upload_days
            ),
        ),
    ]
