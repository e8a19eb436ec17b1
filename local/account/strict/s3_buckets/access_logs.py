"""Accept a bucket as target of access logs only if its policy lets S3's log service write.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
"""

import json
from typing import Any, Final

from moto.s3.models import FakeBucket

from local.account.strict.patches import around
from local.account.strict.s3_requests import resource_policies

_SERVICE: Final = "logging.s3.amazonaws.com"


@around(FakeBucket, "_log_permissions_enabled_policy")
def _log_permissions_enabled_policy(
    _original: Any, self: Any, *, target_bucket: Any, target_prefix: str | None
) -> bool:
    """Evaluate the target's policy; moto fails on a statement whose principal is everyone."""
    return target_bucket.policy is not None and resource_policies.allows(
        json.loads(target_bucket.policy),
        service=_SERVICE,
        action="s3:PutObject",
        resource=f"{target_bucket.arn}/{target_prefix or ''}log",
        context={
            "aws:sourcearn": self.arn,
            "aws:sourceaccount": self.account_id,
            "aws:securetransport": "true",
            "s3:tlsversion": "1.3",
        },
    )
