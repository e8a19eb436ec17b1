"""Refuse uploads with an encryption that the bucket blocks: a key of the client's (SSE-C).

https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html
"""

from typing import Any, Final

from moto.s3.responses import S3Response

from local.account.strict.errors import access_denied
from local.account.strict.patches import around
from local.account.strict.s3_requests import resource_policies

_WRITES: Final = ("PUT", "POST")
_SSE_C: Final = "x-amz-server-side-encryption-customer-algorithm"


@around(S3Response, "_key_response")
def _key_response(original: Any, self: Any, request: Any, full_url: str) -> Any:
    bucket = self.backend.buckets.get(self.bucket_name)
    blocks = bucket is not None and "SSE-C" in _blocked(bucket.encryption)
    if blocks and request.method in _WRITES and _SSE_C in request.headers:
        raise access_denied()
    return original(self, request, full_url)


def _blocked(encryption: dict[str, Any] | None) -> list[str]:
    rules = resource_policies.as_list((encryption or {}).get("Rule", []))
    return [
        blocked
        for rule in rules
        for blocked in resource_policies.as_list(
            rule.get("BlockedEncryptionTypes", {}).get("EncryptionType")
        )
    ]
