"""Check who calls, where the stack is, and this machine's clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from ops.pipeline.doctor.findings import Deployment, Finding, judged, ok, problem, unknown

# AWS refuses requests whose time is more than 15 minutes off, and `--wait` looks for outputs on the
# days around an upload by this clock.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
_MAX_SKEW: Final = timedelta(minutes=5)
_REGION_FIELD: Final = 3  # of an ARN


def credentials(deployment: Deployment) -> Iterator[Finding]:
    """Check that the caller belongs to the stack's account, and that its clock is right."""
    before = deployment.now()
    caller = deployment.account.sts.get_caller_identity()
    middle = before + (deployment.now() - before) / 2
    account, wanted = caller["Account"], deployment.stack.account_id
    if account == wanted:
        yield ok("credentials", f"{caller['Arn']}, in the stack's account")
    else:
        yield problem(
            "credentials",
            f"{caller['Arn']} is in account {account}, the stack in {wanted}",
            "set AWS_PROFILE to a profile of the stack's account, or choose another stack",
        )
    yield clock(middle, caller["ResponseMetadata"]["HTTPHeaders"].get("date"))


def clock(now: datetime, date_header: str | None) -> Finding:
    """Compare this machine's clock with the `Date` header of an answer of AWS."""
    if not date_header:
        return unknown("clock", "AWS's answer has no Date header")
    theirs = parsedate_to_datetime(date_header).astimezone(UTC)
    skew = abs(now - theirs)
    if skew <= _MAX_SKEW:
        return ok("clock", f"within {max(1, round(skew.total_seconds()))} s of AWS's")
    way = "ahead of" if now > theirs else "behind"
    return problem(
        "clock",
        f"this machine's is {round(skew.total_seconds())} s {way} AWS's",
        "set the clock, by NTP say: AWS refuses requests that are 15 minutes off",
    )


def region(deployment: Deployment) -> Iterator[Finding]:
    """Check that the outputs name one region, and that the raw bucket is in it."""
    stack = deployment.stack
    found = {
        "the outputs": stack.region,
        "the processor": stack.data_processor_lambda_arn.split(":")[_REGION_FIELD],
        "the archiver": stack.data_archiver_lambda_arn.split(":")[_REGION_FIELD],
    }
    bucket = deployment.account.s3.head_bucket(Bucket=stack.raw_bucket_name)
    if where := bucket.get("BucketRegion"):
        found["the raw bucket"] = where
    host = (urlsplit(stack.processing_queue_url).hostname or "").split(".")
    if host[0] == "sqs":  # sqs.REGION.amazonaws.com
        found["the processing queue"] = host[1]
    apart = [f"{name} is in {place}" for name, place in found.items() if place != stack.region]
    yield judged(
        "region",
        apart,
        well=stack.region,
        mend=f"the stack's is {stack.region}: take fresh outputs (`pulumi stack output --json`)",
    )
